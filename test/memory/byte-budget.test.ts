import { describe, expect, it } from '@jest/globals';
import { ByteBudget } from '../../agent/memory/byte-budget.ts';

const never = new AbortController().signal;

describe('ByteBudget', () => {
  it('never hands out more than there is', () => {
    const budget = new ByteBudget(100);
    expect(budget.reserve(40)).toBe(true);
    expect(budget.reserve(70)).toBe(false);
    expect(budget.leasableBytes).toBe(60);

    const lease = budget.tryAcquire(60);
    expect(lease?.bytes).toBe(60);
    expect(budget.tryAcquire(1)).toBeUndefined();
    lease?.release();
    lease?.release();
    expect(budget.usedBytes).toBe(40);
  });

  it('serves those who wait in order, so that a large wish is not starved by small ones', async () => {
    const budget = new ByteBudget(100);
    const first = budget.tryAcquire(50);
    const granted: string[] = [];
    const large = budget.acquire(80, never).then((lease) => {
      granted.push('large');
      return lease;
    });
    const small = budget.acquire(30, never).then((lease) => {
      granted.push('small');
      return lease;
    });
    expect(budget.contended).toBe(true);
    expect(budget.tryAcquire(10)).toBeUndefined();

    first?.release();
    (await large)?.release();
    (await small)?.release();

    expect(granted).toEqual(['large', 'small']);
    expect(budget.usedBytes).toBe(0);
  });

  it('says at once that a wish can never be granted', async () => {
    const budget = new ByteBudget(100);
    budget.reserve(10);

    expect(await budget.acquire(91, never)).toBeUndefined();
  });

  it('lets the next one go ahead when the first in line gives up', async () => {
    const budget = new ByteBudget(100);
    const first = budget.tryAcquire(50);
    const giveUp = new AbortController();
    const large = budget.acquire(80, giveUp.signal);
    const small = budget.acquire(30, never);

    giveUp.abort();

    expect(await large).toBeUndefined();
    expect((await small)?.bytes).toBe(30);
    expect(budget.usedBytes).toBe(80);
    first?.release();
  });
});
