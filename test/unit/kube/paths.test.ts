import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObjectRef, Resource } from '../../../src/kube/object.ts';
import { collectionPath, describe as describeObject, objectPath, queryString } from '../../../src/kube/paths.ts';

const deployments: Resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
const roles: Resource = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles', kind: 'ClusterRole', namespaced: false };
const pods: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

describe('a path', () => {
  it('of the core group and of others', () => {
    assert.equal(collectionPath(pods), '/api/v1/pods');
    assert.equal(collectionPath(pods, 'web'), '/api/v1/namespaces/web/pods');
    assert.equal(objectPath(deployments, { namespace: 'web', name: 'api' }, 'status'), '/apis/apps/v1/namespaces/web/deployments/api/status');
  });
  it('of a cluster-scoped object has no namespace, and keeps capitals and colons', () => {
    assert.equal(objectPath(roles, { namespace: 'web', name: 'system:Node' }), '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3ANode');
  });
  const refused: Readonly<Record<string, ObjectRef>> = {
    'a name that leads up': { namespace: 'web', name: '..' },
    'a name with a slash': { namespace: 'web', name: 'a/b' },
    'an encoded slash': { namespace: 'web', name: 'a%2fb' },
    'a name with a query': { namespace: 'web', name: 'a?watch=1' },
    'a name with a line break': { namespace: 'web', name: 'a\nb' },
    'a name that is too long': { namespace: 'web', name: 'a'.repeat(254) },
    'an empty name': { namespace: 'web', name: '' },
    'a namespace that leads elsewhere': { namespace: '../kube-system', name: 'a' },
    'an empty namespace': { namespace: '', name: 'a' },
    'a missing namespace': { name: 'a' },
  };
  for (const [name, ref] of Object.entries(refused)) it(`refuses ${name}`, () => assert.throws(() => objectPath(pods, ref), { code: 'BadRequest' }));
});

describe('a query', () => {
  it('holds what is set, encoded', () => {
    assert.equal(queryString({ limit: 5, continue: undefined, labelSelector: 'a=b,c in (d)', watch: true }), '?limit=5&labelSelector=a%3Db%2Cc+in+%28d%29&watch=true');
    assert.equal(queryString({ limit: undefined }), '');
  });
});

describe('an object in a message', () => {
  it('is named as kubectl names it', () => {
    assert.equal(describeObject(deployments, { namespace: 'web', name: 'api' }), 'deployments.apps "web/api"');
    assert.equal(describeObject(deployments, { namespace: 'web' }), 'deployments.apps in "web"');
    assert.equal(describeObject(pods, {}), 'pods');
    assert.equal(describeObject(roles, { name: 'admin' }), 'clusterroles.rbac.authorization.k8s.io "admin"');
  });
});
