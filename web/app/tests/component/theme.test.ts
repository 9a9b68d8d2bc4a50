import { describe, expect, it } from 'vitest';
import { look } from '../../src/lib/theme.svelte';

describe('another look', () => {
  it('is that of the page at once, so that what is drawn anew for it finds its colours', () => {
    expect(document.documentElement.dataset['theme']).toBe('light');
    look.next();
    expect(look.theme).toBe('light');
    look.next();
    expect(document.documentElement.dataset['theme']).toBe('dark');
    look.next();
    expect(document.documentElement.dataset['theme']).toBe('light');
  });
});
