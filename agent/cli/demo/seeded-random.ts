import { mulberry32 } from './mulberry32.ts';

/** Numbers that look random and are the same for the same seed. */
export interface SeededRandom {
  /** From 0 up to, not including, `limit`; whole. */
  below(limit: number): number;
  pick<T>(from: readonly [T, ...T[]]): T;
  /** Hexadecimal digits. */
  hex(digits: number): string;
}

export function seededRandom(seed: number): SeededRandom {
  const next = mulberry32(seed);
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return {
    below,
    pick: (from) => from[below(from.length)] ?? from[0],
    hex: (digits) => Array.from({ length: digits }, () => below(16).toString(16)).join(''),
  };
}
