//! A headless Chromium for tests, driven over `WebDriver`, and what a visitor does with the chat page.
//!
//! The driver is a child of the test on a port of its own. Nothing is skipped: where the programs are missing the test
//! fails and names the package.

use std::fmt::Debug;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long anything on the page may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the programs may take to start on a busy machine.
const START: Duration = Duration::from_mins(1);
/// How often a condition on the page is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(40);

const SWITCHES: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
];

/// Browsers of one test binary run one after another: several at once would only wait for each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A page open in a browser.
#[derive(Clone, Debug)]
pub struct Browser {
    client: Client,
}

/// Opens `url` in a fresh browser window of that size, runs `visit` with it, and closes everything, whatever `visit`
/// ended with, a panic included.
pub async fn with_browser<F, V>(url: String, size: (u32, u32), visit: V) -> Result<()>
where
    V: FnOnce(Browser) -> F + Send + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let _turn = ONE_AT_A_TIME.lock().await;
    let profile = TempDir::new().context("make a directory for the browser's profile")?;
    let (mut driver, port) = start_driver().await?;
    let outcome = drive(port, &profile, url, size, visit).await;
    driver.kill().await.context("end chromedriver")?;
    outcome
}

async fn drive<F, V>(
    port: u16,
    profile: &TempDir,
    url: String,
    size: (u32, u32),
    visit: V,
) -> Result<()>
where
    V: FnOnce(Browser) -> F + Send + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let client = timeout(START, connect(port, profile.path(), size))
        .await
        .context("wait for the browser to start")??;
    let browser = Browser {
        client: client.clone(),
    };
    // In a task of its own, so that a panic there does not leave a browser behind.
    let mut visits = JoinSet::new();
    visits.spawn(async move {
        browser.client.goto(&url).await.context("open the page")?;
        let seen = browser.clone();
        match visit(browser).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let picture = seen.keep_screenshot().await?;
                Err(error.context(format!("the page as it was: {}", picture.display())))
            }
        }
    });
    let outcome = visits.join_next().await;
    client.close().await.context("close the browser")?;
    match outcome {
        Some(Ok(outcome)) => outcome,
        Some(Err(panic)) => Err(anyhow!(panic).context("the visit panicked")),
        None => bail!("the visit never ran"),
    }
}

async fn connect(port: u16, profile: &Path, (width, height): (u32, u32)) -> Result<Client> {
    let mut arguments: Vec<String> = SWITCHES.iter().map(ToString::to_string).collect();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments.push(format!("--window-size={width},{height}"));
    let options = json!({"binary": find_program(&["chromium", "chromium-browser", "google-chrome"], "chromium")?,
        "args": arguments});
    let capabilities =
        json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
    let Value::Object(capabilities) = capabilities else {
        bail!("capabilities are an object")
    };
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .context("start a browser session")
}

/// Starts the driver on a free port of its own choice, and reads the port from what it prints.
async fn start_driver() -> Result<(Child, u16)> {
    let program = find_program(&["chromedriver"], "chromium-driver")?;
    let mut driver = Command::new(&program)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    let output = driver.stdout.take().context("take chromedriver's output")?;
    let mut lines = BufReader::new(output).lines();
    let search = async {
        while let Some(line) = lines
            .next_line()
            .await
            .context("read chromedriver's output")?
        {
            let port = line
                .strip_suffix('.')
                .and_then(|line| line.rsplit_once("on port "));
            if let Some(port) = port.and_then(|(_, port)| port.parse().ok()) {
                return Ok(port);
            }
        }
        bail!("chromedriver ended without naming its port")
    };
    let port = timeout(START, search)
        .await
        .context("wait for chromedriver to start")??;
    Ok((driver, port))
}

fn find_program(names: &[&str], package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(["/usr/lib/chromium".into()])
        .collect();
    let found = names.iter().flat_map(|name| {
        directories
            .iter()
            .map(move |directory| directory.join(name))
    });
    found.into_iter().find(|program| program.is_file()).ok_or_else(|| {
        anyhow!("`{}` is not installed: install the package `{package}` (apt-get install chromium chromium-driver)", names[0])
    })
}

impl Browser {
    /// Waits until `script`, the body of a function, returns something true, and returns that.
    pub async fn until(&self, what: &str, script: &str) -> Result<Value> {
        let search = async {
            loop {
                let found = self.run(script).await?;
                if !matches!(found, Value::Null | Value::Bool(false)) {
                    return Ok(found);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => bail!(
                "the page never showed {what}; it says:\n{}",
                self.text().await?
            ),
        }
    }

    /// Waits until an element that fits the CSS selector is shown.
    pub async fn until_shown(&self, selector: &str) -> Result<()> {
        let script = format!(
            "return [...document.querySelectorAll({selector:?})].some(e => e.checkVisibility())"
        );
        self.until(selector, &script).await.map(drop)
    }

    /// Waits until no element fits the CSS selector.
    pub async fn until_gone(&self, selector: &str) -> Result<()> {
        let script = format!("return document.querySelector({selector:?}) === null");
        self.until(&format!("the end of {selector}"), &script)
            .await
            .map(drop)
    }

    /// Waits until the newest message contains `text`.
    pub async fn until_newest_says(&self, text: &str) -> Result<()> {
        let script = format!(
            "return [...document.querySelectorAll('.message')].at(-1)?.textContent.includes({text:?})"
        );
        self.until(&format!("a newest message with {text:?}"), &script)
            .await
            .map(drop)
    }

    /// Runs a function's body in the page and returns its value.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.client
            .execute(script, Vec::new())
            .await
            .with_context(|| format!("run in the page: {script}"))
    }

    /// Runs the body of an async function in the page and returns what it resolves to.
    pub async fn run_async(&self, script: &str) -> Result<Value> {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {script} }})().then(done, (error) => done(String(error)))"
        );
        self.client
            .execute_async(&script, Vec::new())
            .await
            .context("run in the page")
    }

    /// Chooses a file in a file field, which may be hidden.
    pub async fn choose_file(&self, selector: &str, file: &Path) -> Result<()> {
        let input = self
            .client
            .find(Locator::Css(selector))
            .await
            .with_context(|| format!("find {selector}"))?;
        input
            .send_keys(&file.display().to_string())
            .await
            .with_context(|| format!("choose a file in {selector}"))
    }

    /// Waits for an element and clicks it with the mouse, so that whatever covers it fails the test.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.until_shown(selector).await?;
        self.run(&format!(
            "document.querySelector({selector:?}).scrollIntoView({{block: 'center'}})"
        ))
        .await?;
        let element = self
            .client
            .find(Locator::Css(selector))
            .await
            .with_context(|| format!("find {selector}"))?;
        element
            .click()
            .await
            .with_context(|| format!("click {selector}"))
    }

    /// Types into whatever has the focus.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        let focused = self
            .client
            .active_element()
            .await
            .context("find the focus")?;
        focused
            .send_keys(text)
            .await
            .with_context(|| format!("type {text:?}"))
    }

    /// Presses one key at whatever has the focus.
    pub async fn press(&self, key: Key) -> Result<()> {
        self.type_text(&char::from(key).to_string()).await
    }

    /// All text on the page.
    pub async fn text(&self) -> Result<String> {
        let text = self.run("return document.body.innerText").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Fails if `seen` is not what was wanted.
    pub async fn expect<T: PartialEq + Debug>(&self, what: &str, seen: T, wanted: T) -> Result<()> {
        ensure!(
            seen == wanted,
            "{what} is {seen:?}, not {wanted:?}; the page says:\n{}",
            self.text().await?
        );
        Ok(())
    }

    /// What every page must keep: pictures have a description, controls have a name, nothing is wider than the window.
    pub async fn check_accessibility(&self) -> Result<()> {
        let faults = self.run(ACCESSIBILITY).await?;
        self.expect("the list of accessibility faults", faults, json!([]))
            .await
    }

    /// Opens another address.
    pub async fn goto(&self, url: &str) -> Result<()> {
        self.client
            .goto(url)
            .await
            .with_context(|| format!("open {url}"))
    }

    /// The window as a PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        self.client
            .screenshot()
            .await
            .context("take a picture of the page")
    }

    /// Leaves a picture of the page, for whoever looks into a failure, and returns its path.
    async fn keep_screenshot(&self) -> Result<PathBuf> {
        let file = std::env::temp_dir().join(format!("browser-test-{}.png", std::process::id()));
        let picture = self.screenshot().await?;
        tokio::fs::write(&file, picture)
            .await
            .context("keep the picture of the page")?;
        Ok(file)
    }
}

/// Lists what is wrong: elements by their outer HTML, shortened.
const ACCESSIBILITY: &str = r#"
    const name = (e) => (e.getAttribute("aria-label") ?? e.textContent ?? "").trim()
        || e.title || e.placeholder || e.labels?.[0]?.textContent.trim()
        || e.querySelector("[aria-label], img[alt]")?.getAttribute("aria-label") || "";
    const shown = (e) => e.checkVisibility() && !e.closest("[aria-hidden=true]");
    const nameless = [...document.querySelectorAll("button, a, input, textarea, [role=button]")]
        .filter(shown).filter((e) => name(e) === "");
    const blind = [...document.querySelectorAll("img")].filter(shown)
        .filter((e) => !e.alt && e.closest("button, label") === null);
    const wide = document.documentElement.scrollWidth > innerWidth ? [document.documentElement] : [];
    return [...nameless, ...blind, ...wide].map((e) => e.outerHTML.slice(0, 160));
"#;
