import { describe, expect, it } from '@jest/globals';
import { RbacBlocks } from '../../agent/document/rbac-blocks.ts';
import { scanned } from '../support/encoded.ts';
import { metadataEvent } from '../support/metadata-event.ts';

function blockOf(blocks: RbacBlocks, reason: string): string {
  const annotations = { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': reason };
  return blocks.of(scanned(metadataEvent({ annotations }))).toString();
}

describe('RBAC of a reason', () => {
  it.each([
    [
      'ClusterRoleBinding "admins" of ClusterRole "cluster-admin" to Group "system:masters"',
      'admins',
      'cluster-admin',
    ],
    ['RoleBinding "edit/shop" of Role "system:edit" to ServiceAccount "ci/shop"', 'edit/shop', 'system:edit'],
  ])('is read from %s', (text, binding, role) => {
    const block = blockOf(new RbacBlocks(), `RBAC: allowed by ${text}`);

    expect(JSON.parse(`{${block.slice(1)}}`)).toEqual({ rbac: { binding, role } });
  });

  it.each([
    '',
    'internal error',
    'RBAC: allowed by ',
    'RBAC: allowed by ClusterRoleBinding "a',
    'RBAC: allowed by ClusterRoleBinding "a" for ClusterRole "b"',
    'RBAC: allowed by ClusterRoleBinding "a" of ClusterRole b',
    'RBAC: allowed by ClusterRoleBinding "a\\"b" of ClusterRole "c"',
    'RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b\u0007" to',
    'XBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b" to',
  ])('is not made up from %j', (reason) => {
    expect(blockOf(new RbacBlocks(), reason)).toBe('');
  });

  it('is that of the reason at hand, however many there were', () => {
    const blocks = new RbacBlocks();
    const numbers = Array.from({ length: 2000 }, (_, index) => (index * 7) % 700);

    const names = numbers.map((number) =>
      blockOf(blocks, `RBAC: allowed by RoleBinding "b-${number}/n" of Role "r-${number}" to User "u"`),
    );

    expect(names).toEqual(
      numbers.map((number) => `,"rbac":{"binding":"b-${number}/n","role":"r-${number}"}`),
    );
  });
});
