import { describe, expect, it } from '@jest/globals';
import { documentOf } from '../support/encoded.ts';
import { metadataEvent } from '../support/metadata-event.ts';
import type { Json } from '../support/reference-document.ts';

function classified(changes: Json): Json {
  const { category, type, outcome } = documentOf(metadataEvent(changes))['event'] as Json;
  return { category, type, outcome };
}

const ALLOW = { 'authorization.k8s.io/decision': 'allow' };
const FORBID = { 'authorization.k8s.io/decision': 'forbid' };

describe('classification', () => {
  it.each([
    ['get', 'access', ['api']],
    ['list', 'access', ['api']],
    ['watch', 'access', ['api']],
    ['create', 'creation', ['api', 'configuration']],
    ['update', 'change', ['api', 'configuration']],
    ['patch', 'change', ['api', 'configuration']],
    ['delete', 'deletion', ['api', 'configuration']],
    ['deletecollection', 'deletion', ['api', 'configuration']],
    ['proxy', 'info', ['api']],
    ['', 'info', ['api']],
    ['gex', 'info', ['api']],
    ['deletecollectiom', 'info', ['api']],
  ])('of the verb %j is the type %s', (verb, type, category) => {
    expect(classified({ verb })).toEqual({ category, type: [type, 'allowed'], outcome: 'success' });
  });

  it('of a write to no resource is no change of configuration', () => {
    expect(classified({ verb: 'delete', objectRef: undefined })['category']).toEqual(['api']);
  });

  it.each([
    [{ resource: 'clusterrolebindings', apiGroup: 'rbac.authorization.k8s.io' }],
    [{ resource: 'roles', apiGroup: 'rbac.authorization.k8s.io' }],
    [{ resource: 'certificatesigningrequests', apiGroup: 'certificates.k8s.io', subresource: 'approval' }],
    [{ resource: 'serviceaccounts', subresource: 'token' }],
  ])('of %j is iam', (objectRef) => {
    expect(classified({ objectRef })['category']).toEqual(['api', 'iam']);
  });

  it.each([
    [{ resource: 'roles', apiGroup: 'example.com' }],
    [{ resource: 'roles' }],
    [{ resource: 'serviceaccounts' }],
    [{ resource: 'serviceaccounts', subresource: 'status' }],
    [{ resource: 'certificatesigningrequests', apiGroup: 'example.com' }],
  ])('of %j is not', (objectRef) => {
    expect(classified({ objectRef })['category']).toEqual(['api']);
  });

  it.each([
    [{ responseStatus: { code: 201 }, annotations: ALLOW }, 'success'],
    [{ responseStatus: { code: 101 }, annotations: ALLOW }, 'success'],
    [{ responseStatus: { code: 409 }, annotations: ALLOW }, 'failure'],
    [{ responseStatus: { code: 500 }, annotations: ALLOW, stage: 'Panic' }, 'failure'],
    [{ responseStatus: undefined, annotations: ALLOW }, 'success'],
    [{ responseStatus: { code: 0 }, annotations: FORBID }, 'failure'],
    [{ responseStatus: undefined, annotations: undefined, stage: 'RequestReceived' }, 'unknown'],
    [{ responseStatus: undefined, annotations: ALLOW, stage: 'Panic' }, 'failure'],
    [{ responseStatus: { code: -5 }, annotations: undefined }, 'unknown'],
  ])('of %j has the outcome %s', (changes, outcome) => {
    expect(classified(changes)['outcome']).toBe(outcome);
  });

  it('says whether the request was allowed, and nothing where nobody decided', () => {
    expect(classified({ annotations: FORBID })['type']).toEqual(['access', 'denied']);
    expect(classified({ annotations: {} })['type']).toEqual(['access']);
    expect(classified({ annotations: { 'authorization.k8s.io/decision': 'maybe' } })['type']).toEqual([
      'access',
    ]);
  });
});
