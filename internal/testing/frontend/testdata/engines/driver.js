// Drives one browser for engine_test.go. It reads calls as lines of JSON, [METHOD, ARGUMENT], and writes their results as
// lines of JSON, {value} or {error}.
import { createInterface } from 'node:readline'
import puppeteer from 'puppeteer-core'
import { Builder, By } from 'selenium-webdriver'
import { findFreePort } from 'selenium-webdriver/net/portprober.js'
import { DriverService } from 'selenium-webdriver/remote/index.js'

const [, , engine, program, proxy] = process.argv
const timeout = 120_000 // milliseconds; a machine may be busy
const [host, port] = proxy.split(':')

/** Launches Chromium or Firefox. */
async function launch(options) {
  const browser = await puppeteer.launch({ executablePath: program, headless: true, timeout, ...options })
  const page = await browser.newPage()
  page.setDefaultTimeout(timeout)
  page.on('dialog', (dialog) => dialog.accept()) // the page asks before it is left during an upload
  page.on('pageerror', (error) => console.error(error.stack))
  return {
    open: (url) => page.goto(url),
    reload: () => page.reload(),
    choose: async (paths) => (await page.$('#files')).uploadFile(...paths),
    evaluate: (expression) => page.evaluate(expression),
    close: () => browser.close(),
  }
}

const engines = {
  Chromium: () => launch({
    args: ['--no-sandbox', `--proxy-server=${proxy}`, '--proxy-bypass-list=<-loopback>'],
  }),
  Firefox: () => launch({
    browser: 'firefox',
    extraPrefsFirefox: {
      'network.proxy.type': 1, 'network.proxy.http': host, 'network.proxy.http_port': Number(port),
      'network.proxy.allow_hijacking_localhost': true,
    },
  }),
  async WebKit() {
    const own = await findFreePort()
    const service = new DriverService(program, { port: own, args: [`--port=${own}`], loopback: true, stdio: 'inherit' })
    const browser = await new Builder().usingServer(await service.start(timeout)).withCapabilities({
      browserName: 'MiniBrowser', proxy: { proxyType: 'manual', httpProxy: proxy },
    }).build()
    await browser.manage().setTimeouts({ script: timeout, pageLoad: timeout })
    return {
      open: (url) => browser.get(url),
      reload: () => browser.navigate().refresh(),
      choose: async (paths) => (await browser.findElement(By.css('#files'))).sendKeys(paths.join('\n')),
      async evaluate(expression) {
        const { value, error } = await browser.executeAsyncScript(`const done = arguments[0]
          Promise.resolve(${expression}).then((value) => done({ value }), (error) => done({ error: String(error) }))`)
        if (error) throw new Error(error)
        return value
      },
      async close() {
        await browser.quit()
        await service.kill()
      },
    }
  },
}

const browser = await engines[engine]()
console.log('{}')
for await (const line of createInterface(process.stdin)) {
  const [method, argument] = JSON.parse(line)
  const result = await Promise.resolve(browser[method](argument)).then(
    (value) => ({ value: method === 'evaluate' ? value : null }), (error) => ({ error: String(error) }))
  console.log(JSON.stringify(result))
}
await browser.close()
