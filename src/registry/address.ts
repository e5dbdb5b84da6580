import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** What an IP address is for (IANA special-purpose registries, RFC 6890; metadata addresses as the clouds document them). */
export type AddressKind = 'public' | 'private' | 'loopback' | 'link-local' | 'metadata' | 'multicast' | 'mapped' | 'reserved';

/** How far a request may reach: anywhere (a configured host), the Internet and private networks, or the Internet alone. */
export type Reach = 'configured' | 'private' | 'public';

// The first row that holds an address decides, so that metadata addresses come before the ranges around them.
const RANGES_V4: readonly (readonly [AddressKind, ...string[]])[] = [
  ['metadata', '169.254.169.254/32', '169.254.170.2/32', '169.254.170.23/32', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32'],
  ['loopback', '127.0.0.0/8'],
  ['link-local', '169.254.0.0/16'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15'],
  ['multicast', '224.0.0.0/4'],
  ['reserved', '0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.51.100.0/24', '203.0.113.0/24', '240.0.0.0/4'],
];

const RANGES_V6: readonly (readonly [AddressKind, ...string[]])[] = [
  ['metadata', 'fd00:ec2::/32', 'fd20:ce::/32'],
  ['loopback', '::1/128'],
  ['mapped', '::ffff:0:0/96', '::ffff:0:0:0/96', '::/96', '64:ff9b:1::/48', '2001::/32', '2002::/16'],
  ['link-local', 'fe80::/10'],
  ['private', 'fc00::/7', 'fec0::/10'],
  ['multicast', 'ff00::/8'],
  ['reserved', '2001:db8::/32', '2001:2::/48', '2001:10::/28', '2001:20::/28', '3fff::/20'],
  ['public', '2000::/3'],
];

/** Whether an address of the family is in one of the subnets. */
type Row = (address: string) => boolean;

/** The list is made when it is first asked: all of them took a thirtieth of the time of `assay verify`, which asks about one address. */
function rowOf(subnets: readonly string[], family: 'ipv4' | 'ipv6'): Row {
  let list: BlockList | undefined;
  return (address) => (list ??= listOf(subnets, family)).check(address, family);
}

function listOf(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', bits] = subnet.split('/');
    list.addSubnet(network, Number(bits), family);
  }
  return list;
}

const V4 = RANGES_V4.map(([kind, ...subnets]) => [kind, rowOf(subnets, 'ipv4')] as const);
const V6 = RANGES_V6.map(([kind, ...subnets]) => [kind, rowOf(subnets, 'ipv6')] as const);
const isNat64 = rowOf(['64:ff9b::/96'], 'ipv6');

/** The IPv4 address in the last 32 bits of an IPv6 address. */
function embedded(address: string): string {
  // The URL parser writes every IPv6 address in one canonical form, without dots.
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(':');
  const [high, low] = [groups.at(-2) ?? '', groups.at(-1) ?? ''].map((group) => Number.parseInt(group || '0', 16));
  return [high, low].flatMap((part) => [(part ?? 0) >> 8, (part ?? 0) & 0xff]).join('.');
}

/** What this IP address is; text that is no IP address is `reserved`, so that nothing is sent there. */
export function addressKind(address: string): AddressKind {
  if (isIPv4(address)) return V4.find(([, holds]) => holds(address))?.[0] ?? 'public';
  // A zone (fe80::1%eth0) exists on link-local addresses only.
  if (!isIPv6(address) || address.includes('%')) return isIPv6(address) ? 'link-local' : 'reserved';
  // RFC 6052: behind DNS64 every IPv4 registry has such an address; the one that it stands for decides.
  if (isNat64(address)) return addressKind(embedded(address));
  return V6.find(([, holds]) => holds(address))?.[0] ?? 'reserved';
}

/** Whether a request of this reach may be sent to an address of this kind (CVE-2026-40868 and its class: SSRF). */
export function permits(reach: Reach, kind: AddressKind): boolean {
  if (reach === 'configured' || kind === 'public') return true;
  return reach === 'private' && kind === 'private';
}
