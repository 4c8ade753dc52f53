import { describe, expect, it } from '@jest/globals';
import { printable } from '../../agent/cli/printable.ts';
import { textTable } from '../../agent/cli/text-table.ts';

describe('text for a terminal', () => {
  it.each([
    ['\u001b[31mred', '\\u001b[31mred'],
    ['a\nb\r\u0000', 'a\\u000ab\\u000d\\u0000'],
    ['\u009b2J', '\\u009b2J'],
    ['user\u202egnp.exe', 'user\\u202egnp.exe'],
    ['\u2028\u2066', '\\u2028\\u2066'],
    ['größe 数 🙂', 'größe 数 🙂'],
  ])('writes what could act on the terminal as an escape: %j', (text, safe) => {
    expect(printable(text)).toBe(safe);
  });

  it('stands in columns', () => {
    const table = textTable(
      ['A', 'LONG'],
      [
        ['wide cell', 'x'],
        ['y', ''],
      ],
    );

    expect(table).toBe('A          LONG\nwide cell  x\ny\n');
  });
});
