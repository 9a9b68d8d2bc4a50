// What is committed is what the sources give, within its budget.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';

const app = new URL('../../', import.meta.url).pathname;
const dist = new URL('../../../dist/', import.meta.url).pathname;
const files = ['app.css', 'app.js', 'icon.svg', 'index.html'];

describe('the build', () => {
  it('gives the same bytes from another folder at another time', () => {
    const out = mkdtempSync(join(tmpdir(), 'sluice-page-'));
    try {
      execFileSync('npx', ['vite', 'build', '--outDir', out, '--emptyOutDir', '--logLevel', 'error'], { cwd: app, env: { ...process.env, TZ: 'Pacific/Auckland' } });
      assert.deepEqual(readdirSync(out).sort(), files);
      for (const name of files) assert.equal(readFileSync(join(out, name), 'utf8').trimEnd(), readFileSync(join(dist, name), 'utf8').trimEnd(), name);
    } finally {
      rmSync(out, { recursive: true });
    }
  });
  it('keeps the JavaScript within 150 KiB gzip', () => {
    const size = gzipSync(readFileSync(join(dist, 'app.js')), { level: 9 }).length;
    console.log(`  app.js: ${(size / 1024).toFixed(1)} KiB gzip`);
    assert.ok(size <= 150 * 1024, `${size} bytes`);
  });
  it('asks for nothing from elsewhere', () => {
    const css = readFileSync(join(dist, 'app.css'), 'utf8');
    assert.doesNotMatch(css, /@import|url\(/);
    assert.doesNotMatch(readFileSync(join(dist, 'index.html'), 'utf8'), /https?:/);
  });
  it('has types that are those of the contract', () => {
    const made = execFileSync('npx', ['openapi-typescript', '../openapi.yaml'], { cwd: app, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    assert.equal(made.trim(), readFileSync(join(app, 'src/api/schema.d.ts'), 'utf8').trim());
  });
});
