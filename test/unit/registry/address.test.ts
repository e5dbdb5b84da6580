import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressKind, permits, type AddressKind, type Reach } from '../../../src/registry/address.ts';

const KINDS: Record<string, readonly [AddressKind, ...string[]]> = {
  'addresses of the Internet are public': ['public', '8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '2606:4700::1111', '2a00::1'],
  'networks of RFC 1918, shared address space and benchmarking are private': ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '198.18.0.1'],
  'unique local and site-local IPv6 addresses are private': ['private', 'fd12:3456::1', 'fc00::1', 'fec0::1'],
  'all of 127.0.0.0/8 and ::1 are loopback': ['loopback', '127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'],
  'link-local addresses, also with a zone': ['link-local', '169.254.1.1', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
  'metadata services of the clouds, wherever they are': ['metadata', '169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'],
  'multicast': ['multicast', '224.0.0.1', '239.255.255.255', 'ff02::1'],
  'IPv6 forms that carry an IPv4 address to somebody else': ['mapped', '::ffff:8.8.8.8', '::ffff:127.0.0.1', '::ffff:7f00:1', '::127.0.0.1', '2002:7f00:1::', '2001:0:4136:e378::1', '64:ff9b:1::1'],
  'unspecified, documentation and future use are reserved': ['reserved', '0.0.0.0', '0.1.2.3', '192.0.2.1', '198.51.100.1', '203.0.113.1', '255.255.255.255', '240.0.0.1', '2001:db8::1', '3fff::1', '5f00::1', '100::1'],
  'behind DNS64 the address that is meant decides': ['loopback', '64:ff9b::7f00:1', '64:ff9b::127.0.0.1'],
  'a registry of the Internet behind DNS64 is public': ['public', '64:ff9b::808:808', '64:ff9b::8.8.8.8'],
  'a private address behind DNS64 is private': ['private', '64:ff9b::a00:1'],
  'what is no address goes nowhere': ['reserved', '', 'localhost', '127.1', '0x7f000001', '1.2.3.4.5', '::g'],
};

describe('kinds of addresses', () => {
  for (const [sentence, [kind, ...addresses]] of Object.entries(KINDS)) {
    it(sentence, () => {
      for (const address of addresses) assert.equal(addressKind(address), kind, address);
    });
  }
});

const REACHES: Record<string, readonly [Reach, readonly AddressKind[]]> = {
  'a configured host may be anywhere': ['configured', ['public', 'private', 'loopback', 'link-local', 'metadata', 'multicast', 'mapped', 'reserved']],
  'a host that is not configured may be public or private': ['private', ['public', 'private']],
  'what a public host names must be public': ['public', ['public']],
};

describe('reach of a request', () => {
  const all: readonly AddressKind[] = ['public', 'private', 'loopback', 'link-local', 'metadata', 'multicast', 'mapped', 'reserved'];
  for (const [sentence, [reach, allowed]] of Object.entries(REACHES)) {
    it(sentence, () => assert.deepEqual(all.filter((kind) => permits(reach, kind)), allowed));
  }
});
