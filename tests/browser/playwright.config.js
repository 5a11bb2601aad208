// How the browser tests run: Debian's Chromium, the real program, no retries. A test that needs luck is a wrong test.
import { defineConfig } from '@playwright/test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A loaded machine with two cores may need this long for what usually takes a second. */
const PATIENCE_MS = 20_000;

export default defineConfig({
  testDir: '.',
  globalSetup: './program.js',
  outputDir: process.env.BROWSER_TEST_RESULTS ?? join(tmpdir(), 'phone-page-results'),
  fullyParallel: true,
  workers: 2,
  retries: 0,
  timeout: 90_000,
  expect: { timeout: PATIENCE_MS },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    viewport: { width: 375, height: 812 },
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    actionTimeout: PATIENCE_MS,
    navigationTimeout: PATIENCE_MS,
    reducedMotion: 'reduce',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      // Chromium has no sandbox for root, whom containers run as.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
  },
});
