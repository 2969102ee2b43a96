//! Users with passwords: bcrypt hashes, as exporter-toolkit's configuration has them.
//!
//! A check takes a tenth of a second of processor time on purpose. So that a flood of wrong passwords takes no more than a part of one
//! core, and a scraper with the right one is still answered meanwhile:
//!
//! * what was checked is remembered, right or wrong, under a salted hash;
//! * one check runs at a time; all of them share a budget of time, and each client has a number of failures.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// Longest password that bcrypt reads; what follows would not count.
const LONGEST: usize = 72;
/// Checks that are remembered, of right and of wrong passwords each.
const REMEMBERED: usize = 256;
/// Failures that a client may have at once, and the time after which it has one more.
const FAILURES: u32 = 10;
const FORGIVEN: Duration = Duration::from_secs(1);
/// Clients whose failures are counted.
const CLIENTS: usize = 1_024;
/// Share of a core that checks may take, as what a second adds, and most that is saved up.
const SHARE: f64 = 0.25;
const SAVED: Duration = Duration::from_secs(3);

/// A bcrypt hash.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

/// Someone who may ask.
#[derive(Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// Of the password.
    pub hash: PasswordHash,
}

impl PasswordHash {
    /// Reads `$2y$COST$SALTHASH` (also `$2a$`, `$2b$`). Costs above 15 take seconds for each check.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const OTHER: &str = "the password has to be a bcrypt hash ($2y$…): htpasswd -nB USER makes one";
        let mut parts = text.strip_prefix('$').ok_or(OTHER)?.split('$');
        let (Some("2a" | "2b" | "2y"), Some(cost), Some(rest), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(OTHER);
        };
        let cost = cost.parse().ok().filter(|_| cost.len() == 2).ok_or(OTHER)?;
        if !(4..=15).contains(&cost) {
            return Err("the cost of the hash has to be between 4 and 15: htpasswd -nB -C 12 USER");
        }
        let base = GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));
        let (salt, hash) = rest.split_at_checked(22).ok_or(OTHER)?;
        let salt = base.decode(salt).ok().and_then(|salt| salt.try_into().ok()).ok_or(OTHER)?;
        let hash = base.decode(hash).ok().and_then(|hash| hash.try_into().ok()).ok_or(OTHER)?;
        Ok(Self { cost, salt, hash })
    }

    /// Whether a password has this hash. Takes a tenth of a second and more.
    fn fits(&self, password: &[u8]) -> bool {
        let mut padded = [0; LONGEST];
        // The zero that ends the password counts, if there is room for it.
        let (Some(place), length) = (padded.get_mut(..password.len()), (password.len() + 1).min(LONGEST))
        else {
            return false;
        };
        place.copy_from_slice(password);
        let Some(key) = padded.get(..length) else { return false };
        let made = bcrypt::bcrypt(self.cost, self.salt, key);
        let differ = self.hash.iter().zip(&made).fold(0, |differ, (one, other)| differ | (one ^ other));
        std::hint::black_box(differ) == 0
    }
}

/// What becomes of a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// They are right.
    Right,
    /// They are not.
    Wrong,
    /// Too many were wrong: nothing was checked.
    Later,
}

/// Checks passwords.
pub struct Checker {
    salt: [u8; 32],
    remembered: Mutex<Remembered>,
    limits: Mutex<Limits>,
    turn: Semaphore,
}

#[derive(Default)]
struct Remembered {
    right: VecDeque<[u8; 32]>,
    wrong: VecDeque<[u8; 32]>,
}

impl Remembered {
    /// Each is compared in full: which one fits must not show in the time.
    fn find(&self, digest: &[u8; 32]) -> Option<Checked> {
        let among = |list: &VecDeque<[u8; 32]>| {
            list.iter().fold(false, |found, known| {
                let differ = known.iter().zip(digest).fold(0, |differ, (one, other)| differ | (one ^ other));
                found | (std::hint::black_box(differ) == 0)
            })
        };
        match (among(&self.right), among(&self.wrong)) {
            (true, _) => Some(Checked::Right),
            (false, true) => Some(Checked::Wrong),
            (false, false) => None,
        }
    }

    fn keep(&mut self, digest: [u8; 32], is_right: bool) {
        let list = if is_right { &mut self.right } else { &mut self.wrong };
        if list.len() == REMEMBERED {
            list.pop_front();
        }
        list.push_back(digest);
    }
}

impl Default for Checker {
    fn default() -> Self {
        // The system's random numbers, by way of what seeds hash maps.
        let mut salt = [0; 32];
        for (at, part) in salt.chunks_exact_mut(8).enumerate() {
            part.copy_from_slice(&RandomState::new().hash_one(at).to_ne_bytes());
        }
        Self {
            salt,
            remembered: Mutex::default(),
            limits: Mutex::new(Limits::new(Instant::now())),
            turn: Semaphore::new(1),
        }
    }
}

impl Checker {
    /// Checks a name and a password of a client.
    pub async fn check(
        &self,
        users: &[User],
        name: &str,
        password: &[u8],
        client: Option<IpAddr>,
    ) -> Checked {
        if password.is_empty() || password.len() > LONGEST {
            return Checked::Wrong;
        }
        let user = users.iter().find(|user| user.name == name);
        // A name that is not there takes as long as one that is: the time must not tell names.
        let Some(hash) = user.or(users.first()).map(|user| user.hash.clone()) else { return Checked::Wrong };
        let digest = self.digest(name, user.is_some(), &hash, password);
        let find = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner).find(&digest);
        if let Some(known) = find() {
            return known;
        }
        let Ok(_turn) = self.turn.acquire().await else { return Checked::Later };
        // A page asks for all its parts at once: one check serves them all.
        if let Some(known) = find() {
            return known;
        }
        let limits = || self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if !limits().admit(client, Instant::now()) {
            return Checked::Later;
        }
        let (password, is_user) = (password.to_vec(), user.is_some());
        let work = move || {
            let began = Instant::now();
            (hash.fits(&password), began.elapsed())
        };
        let Ok((fits, took)) = tokio::task::spawn_blocking(work).await else { return Checked::Later };
        let is_right = fits && is_user;
        limits().took(client, took, is_right, Instant::now());
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).keep(digest, is_right);
        if is_right { Checked::Right } else { Checked::Wrong }
    }

    /// A name that is not there yet is another one when it is, even with the hash that stood in for it.
    fn digest(&self, name: &str, is_user: bool, hash: &PasswordHash, password: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix(self.salt);
        digest.update([u8::from(is_user)]);
        digest.update(name.len().to_le_bytes());
        digest.update(name);
        digest.update(hash.cost.to_le_bytes());
        digest.update(hash.salt);
        digest.update(hash.hash);
        digest.update(password);
        digest.finalize().into()
    }
}

/// How much may be checked.
struct Limits {
    /// Time that checks may still take, and when that was true. Below zero after a long one.
    budget: f64,
    since: Instant,
    /// Clients that failed: how often, and when that was true.
    failures: HashMap<IpAddr, (u32, Instant)>,
}

impl Limits {
    fn new(now: Instant) -> Self {
        Self { budget: SAVED.as_secs_f64(), since: now, failures: HashMap::new() }
    }

    fn admit(&mut self, client: Option<IpAddr>, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.since).as_secs_f64() * SHARE;
        (self.budget, self.since) = ((self.budget + earned).min(SAVED.as_secs_f64()), now);
        let failures = client.map_or(0, |client| self.failures(network(client), now));
        self.budget > 0.0 && failures < FAILURES
    }

    /// Failures that are not forgiven yet.
    fn failures(&self, client: IpAddr, now: Instant) -> u32 {
        self.failures.get(&client).map_or(0, |one| left(*one, now))
    }

    fn took(&mut self, client: Option<IpAddr>, took: Duration, is_right: bool, now: Instant) {
        self.budget -= took.as_secs_f64();
        let Some(client) = client.map(network).filter(|_| !is_right) else { return };
        if self.failures.len() >= CLIENTS {
            self.failures.retain(|_, one| left(*one, now) > 0);
        }
        // That many clients at once are an attack, which the budget of all bounds.
        if self.failures.len() < CLIENTS || self.failures.contains_key(&client) {
            let failures = self.failures(client, now) + 1;
            self.failures.insert(client, (failures, now));
        }
    }
}

fn left((failures, since): (u32, Instant), now: Instant) -> u32 {
    let forgiven = now.saturating_duration_since(since).as_secs() / FORGIVEN.as_secs();
    failures.saturating_sub(forgiven.try_into().unwrap_or(u32::MAX))
}

/// What one customer of a provider has: an IPv4 address, or the upper half of an IPv6 one.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by glibc's crypt, another implementation.
    const KNOWN: [(&str, &str); 4] = [
        ("$2b$04$wlPkQTP21/qNm64PoFwrNOVHzQBQ8deHargsB24lNixVlsPhOGjhG", "correct horse"),
        (
            "$2b$04$.fCBcvVfK45ugMyaV3TKTOQW.rceQCj73lLt7XZx5e3eIKXLCc1QG",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ),
        ("$2b$04$RcU0bNcqxm46m.PgMozRjeRI5Y/q0iUTEfyxeeNeYxZC7FcYEU.5K", "päss"),
        ("$2y$10$BNBtfx2SE2Df6IcUYF2LSuoF3PqUkjcRx0685E6K9GdvVc.yQcqyG", "secret"),
    ];

    fn users() -> Vec<User> {
        let hash = |text: &str| PasswordHash::parse(text).unwrap();
        vec![
            User { name: "alice".to_owned(), hash: hash(KNOWN[0].0) },
            User { name: "bob".to_owned(), hash: hash(KNOWN[2].0) },
        ]
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn another_implementations_hashes_fit_their_passwords_alone() {
        for (hash, password) in KNOWN {
            let hash = PasswordHash::parse(hash).unwrap();
            assert!(hash.fits(password.as_bytes()), "{password}");
            assert!(!hash.fits(&password.as_bytes()[1..]), "{password}");
        }
        for text in [
            "",
            "secret",
            "$2y$10$short",
            "$1$10$BNBtfx2SE2Df6IcUYF2LSuoF3PqUkjcRx0685E6K9GdvVc.yQcqyG",
            "$2y$1$BNBtfx2SE2Df6IcUYF2LSuoF3PqUkjcRx0685E6K9GdvVc.yQcqyG",
            "$2y$16$BNBtfx2SE2Df6IcUYF2LSuoF3PqUkjcRx0685E6K9GdvVc.yQcqyG",
            "$2y$10$BNBtfx2SE2Df6IcUYF2LSuoF3PqUkjcRx0685E6K9GdvVc.yQcqyG$",
            "$2y$10$BNBtfx2SE2Df6IcUYF2LSuoF3PqUkjcRx0685E6K9GdvVc.yQcqy!",
            "$2y$10$üNBtfx2SE2Df6IcUYF2LSuoF3PqUkjcRx0685E6K9GdvVc.yQcqyG",
        ] {
            assert!(PasswordHash::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_gets_in_by_name_and_password_and_by_no_part_of_them() {
        run(async {
            let (door, users) = (Checker::default(), users());
            let long = format!("correct horse{}", " ".repeat(80));
            for (name, password, wanted) in [
                ("alice", "correct horse", Checked::Right),
                ("bob", "päss", Checked::Right),
                ("alice", "päss", Checked::Wrong),
                ("carol", "correct horse", Checked::Wrong),
                ("", "correct horse", Checked::Wrong),
                ("alice", "", Checked::Wrong),
                ("alice", long.as_str(), Checked::Wrong),
            ] {
                for _ in 0..2 {
                    let checked = door.check(&users, name, password.as_bytes(), None).await;
                    assert_eq!(checked, wanted, "{name} {password}");
                }
            }
            assert_eq!(door.check(&[], "alice", b"correct horse", None).await, Checked::Wrong);
            // A user who is added is let in, though the name was refused before.
            let renamed = [User { name: "carol".to_owned(), hash: users[0].hash.clone() }];
            assert_eq!(door.check(&renamed, "carol", b"correct horse", None).await, Checked::Right);
            // Another hash: what is remembered of the old one admits no more.
            let other = [User { name: "alice".to_owned(), hash: users[1].hash.clone() }];
            assert_eq!(door.check(&other, "alice", b"correct horse", None).await, Checked::Wrong);
        });
    }

    #[test]
    fn who_fails_too_often_has_to_wait_and_no_one_else() {
        run(async {
            let (door, users) = (Checker::default(), users());
            let client = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
            let right = door.check(&users, "alice", b"correct horse", client(1)).await;
            assert_eq!(right, Checked::Right);
            let mut refused = 0;
            for n in 0..200 {
                let password = format!("wrong {n}");
                match door.check(&users, "alice", password.as_bytes(), client(1)).await {
                    Checked::Wrong => {}
                    Checked::Later => refused += 1,
                    Checked::Right => panic!("{password}"),
                }
            }
            assert!(refused >= 100, "{refused} of 200 were refused without a check");
            let known = door.check(&users, "alice", b"correct horse", client(1)).await;
            assert_eq!(known, Checked::Right, "a password that was checked goes on to admit");
            let other = door.check(&users, "bob", "päss".as_bytes(), client(2)).await;
            assert_eq!(other, Checked::Right);
        });
    }

    #[test]
    fn checks_take_a_part_of_a_core_however_many_clients_ask() {
        let start = Instant::now();
        let mut limits = Limits::new(start);
        let (mut spent, each) = (Duration::ZERO, Duration::from_millis(70));
        for tenth in 0..1_000_u32 {
            let now = start + Duration::from_millis(100) * tenth;
            // A hundred clients in each tenth of a second.
            for n in 0..100 {
                let client = Some(IpAddr::from((u128::from(tenth * 100 + n) << 64).to_be_bytes()));
                if limits.admit(client, now) {
                    limits.took(client, each, false, now);
                    spent += each;
                }
            }
        }
        let most = Duration::from_secs(100).mul_f64(SHARE) + SAVED + each;
        assert!(spent <= most && spent > Duration::from_secs(20), "{spent:?} of {most:?}");
        assert!(limits.failures.len() <= CLIENTS);
    }

    #[test]
    fn failures_are_forgiven_one_by_one_and_counted_by_network() {
        let start = Instant::now();
        let mut limits = Limits::new(start);
        let client: IpAddr = "2001:db8:1:2::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8:1:2::ffff".parse().unwrap();
        for _ in 0..FAILURES {
            assert!(limits.admit(Some(client), start));
            limits.took(Some(client), Duration::ZERO, false, start);
        }
        assert!(!limits.admit(Some(client), start) && !limits.admit(Some(neighbour), start));
        assert!(limits.admit(Some("2001:db8:1:3::1".parse().unwrap()), start));
        let later = start + FORGIVEN;
        assert!(limits.admit(Some(client), later));
        limits.took(Some(client), Duration::ZERO, false, later);
        assert!(!limits.admit(Some(client), later));
        limits.took(Some(client), Duration::ZERO, true, later + FORGIVEN);
        assert!(limits.admit(Some(client), later + FORGIVEN), "the right password is no failure");
    }
}
