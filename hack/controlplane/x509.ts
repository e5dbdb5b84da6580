// WARNING: first, because @peculiar/x509 refuses to load without it.
export { reflectMetadata } from './reflect-metadata.ts';
export * from '@peculiar/x509';
