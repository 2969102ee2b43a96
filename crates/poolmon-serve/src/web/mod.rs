//! `--web.config.file`: TLS, certificates of clients and users, as Prometheus' exporters are configured.
//!
//! * `yaml.rs`: the part of YAML that is understood; `file.rs`: its keys;
//! * here: the files that it names, read again when one of them changes, so that certificates rotate without a restart.

mod file;
mod yaml;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::http::HeaderValue;
use poolmon_image::bounded;

pub use file::{ClientAuth, Pem, TlsSection, WebFile};
pub use yaml::Problem;

use crate::ServeError;
use crate::tls::Tls;
use crate::users::User;

/// Files are looked at this often at most.
const LOOK: Duration = Duration::from_secs(1);

/// A `--web.config.file` with all that it names.
#[derive(Clone)]
pub struct WebConfig {
    path: PathBuf,
    loaded: Arc<Loaded>,
}

/// Never printed: it holds hashes of passwords and a key.
impl std::fmt::Debug for WebConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebConfig({})", self.path.display())
    }
}

/// What is in force.
pub struct Loaded {
    /// Who may ask, if that is limited to users.
    pub users: Vec<User>,
    /// How connections are encrypted, if they are.
    pub tls: Option<Tls>,
    /// `Strict-Transport-Security` of every answer.
    pub transport: Option<HeaderValue>,
    /// A connection needs a client's certificate.
    certificates: bool,
    /// Every file that was read, as it was then.
    files: Vec<(PathBuf, Stamp)>,
}

/// By which a change of a file shows. Kubernetes changes a link to the folder: what the link leads to has another number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp(Option<(SystemTime, u64, u64)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let of = |meta: fs::Metadata| Some((meta.modified().ok()?, meta.len(), number(&meta)));
        Self(fs::metadata(path).ok().and_then(of))
    }
}

#[cfg(unix)]
fn number(meta: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> u64 {
    0
}

impl WebConfig {
    /// Reads the file and those that it names.
    ///
    /// # Errors
    ///
    /// One of them cannot be read, or cannot be used; the line of the configuration is named.
    pub fn read(path: &Path) -> Result<Self, ServeError> {
        Ok(Self { path: path.to_owned(), loaded: Arc::new(Loaded::read(path)?) })
    }

    /// Whether it keeps out those who have neither a password nor a certificate.
    pub fn protects(&self) -> bool {
        self.loaded.protects()
    }
}

impl Loaded {
    fn read(path: &Path) -> Result<Self, ServeError> {
        let wrong = |line, problem| ServeError::Web { path: path.to_owned(), line, problem };
        let mut files = vec![(path.to_owned(), Stamp::of(path))];
        let text = bounded::read_text(path, bounded::SMALL)
            .map_err(|error| wrong(None, format!("cannot read the configuration: {error}")))?;
        let file = WebFile::parse(&text).map_err(|problem| wrong(Some(problem.line), problem.text))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let tls = file.tls.as_ref().map(|section| {
            let mut pem = |pem: &Pem| match pem {
                Pem::Inline(text) => Ok(text.clone().into_bytes()),
                Pem::File(name) => {
                    let path = folder.join(name);
                    files.push((path.clone(), Stamp::of(&path)));
                    bounded::read(&path, bounded::SMALL)
                        .map_err(|error| format!("cannot read {}: {error}", path.display()))
                }
            };
            Tls::new(section, &mut pem).map_err(|problem| wrong(Some(section.line), problem))
        });
        let tls = tls.transpose()?;
        let transport = file.transport.as_deref().and_then(|value| HeaderValue::from_str(value).ok());
        let certificates = file.tls.is_some_and(|section| section.client_auth == ClientAuth::Required);
        Ok(Self { users: file.users, tls, transport, certificates, files })
    }

    fn protects(&self) -> bool {
        self.certificates || !self.users.is_empty()
    }
}

/// The configuration while the server runs.
pub struct Web {
    path: PathBuf,
    state: Mutex<State>,
    /// Gets what is wrong with a changed file.
    complain: Box<dyn Fn(String) + Send + Sync>,
}

struct State {
    loaded: Arc<Loaded>,
    looked: Instant,
    /// The files when one of them could not be used; it is said once.
    refused: Option<Vec<Stamp>>,
}

impl Web {
    /// Begins with what was read.
    pub fn new(config: WebConfig, complain: impl Fn(String) + Send + Sync + 'static) -> Self {
        let state = State { loaded: config.loaded, looked: Instant::now(), refused: None };
        Self { path: config.path, state: Mutex::new(state), complain: Box::new(complain) }
    }

    /// What is in force now. A changed file that cannot be used leaves it as it was.
    pub fn now(&self) -> Arc<Loaded> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK {
            self.look(&mut state);
            state.looked = Instant::now();
        }
        Arc::clone(&state.loaded)
    }

    fn look(&self, state: &mut State) {
        let now: Vec<Stamp> = state.loaded.files.iter().map(|(path, _)| Stamp::of(path)).collect();
        let is_same = now.iter().eq(state.loaded.files.iter().map(|(_, stamp)| stamp));
        if is_same || state.refused.as_ref() == Some(&now) {
            return;
        }
        match Loaded::read(&self.path)
            .map_err(|error| error.to_string())
            .and_then(|new| follows(&state.loaded, new))
        {
            Ok(new) => (state.loaded, state.refused) = (Arc::new(new), None),
            Err(problem) => {
                (self.complain)(format!("{problem}; what was read before stays in force"));
                state.refused = Some(now);
            }
        }
    }
}

/// A change must not open the server to everyone, nor take away the encryption that clients rely on.
fn follows(old: &Loaded, new: Loaded) -> Result<Loaded, String> {
    if old.tls.is_some() != new.tls.is_some() {
        return Err("TLS cannot be switched on or off while the server runs: restart it".to_owned());
    }
    if old.protects() && !new.protects() {
        return Err("the changed configuration would let everyone in: restart the server for that".to_owned());
    }
    Ok(new)
}
