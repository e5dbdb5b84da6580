// WARNING: first, because @peculiar/x509 (through tsyringe) refuses to load without the Reflect metadata proposal.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata';

export * from '@peculiar/x509';
