//! What a dump is: system, time, bugcheck, and which questions it can answer.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_image::Machine;
use poolmon_model::hidden::SafeString;

use crate::bugcheck::{self, Bugcheck};
use crate::container::Container;
use crate::paging::PagingForm;

/// What a dump says about itself. `None` = unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DumpInfo {
    /// Kind of file.
    pub container: Container,
    /// Dump type as the header writes it.
    pub dump_type: Option<u32>,
    /// Processor.
    pub machine: Option<Machine>,
    /// Page tables in use.
    pub paging: Option<PagingForm>,
    /// Windows build (19041).
    pub build: Option<u32>,
    /// File version of the kernel's image, if its resources are in the dump.
    pub kernel_version: Option<String>,
    /// Build text of the kernel.
    pub build_text: Option<SafeString>,
    /// 1 workstation, 2 domain controller, 3 server.
    pub product_type: Option<u32>,
    /// When the dump was taken.
    pub time: Option<Timestamp>,
    /// Since boot.
    pub uptime: Option<Duration>,
    /// Processors.
    pub processors: Option<u32>,
    /// Bugcheck code and parameters; `None` if the system was running.
    pub bugcheck: Option<(u32, [u64; 4])>,
    /// The exception that the header records: code, and address of the code.
    pub exception: Option<(u32, u64)>,
    /// Physical pages in the dump, 4 KiB each.
    pub pages: u64,
    /// Physical memory of the machine in bytes.
    pub memory: Option<u64>,
    /// Bytes of the file.
    pub file_size: u64,
    /// Address of the kernel's image.
    pub kernel_base: Option<u64>,
    /// What the writer noted.
    pub comment: Option<SafeString>,
    /// Which questions can be answered.
    pub answers: AnswerableQuestions,
    /// What is not as it should be.
    pub warnings: Vec<String>,
}

/// One question: yes, or why not.
pub type Answerable = std::result::Result<(), String>;

/// Which questions a dump can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerableQuestions {
    /// `poolused`, and what is built on it.
    pub pool_used: Answerable,
    /// `modules`.
    pub modules: Answerable,
    /// `find`.
    pub find: Answerable,
    /// `big`.
    pub big_pool: Answerable,
}

impl AnswerableQuestions {
    /// Command and answer, in the order in which they are shown.
    pub fn list(&self) -> [(&'static str, &Answerable); 4] {
        [
            ("poolused", &self.pool_used),
            ("modules", &self.modules),
            ("find", &self.find),
            ("big", &self.big_pool),
        ]
    }
}

impl DumpInfo {
    /// Name of the system and its kernel (`Windows 10 2004 to 22H2 (kernel 10.0.19041.3803)`): releases that differ by a
    /// switch alone have the same kernel.
    pub fn system(&self) -> Option<String> {
        let build = self.build?;
        let server = matches!(self.product_type, Some(2 | 3));
        let kernel = match &self.kernel_version {
            Some(version) => version.clone(),
            None => format!("build {build}"),
        };
        Some(format!("{} (kernel {kernel})", release(build, server)))
    }

    /// The dump type in words.
    pub fn kind(&self) -> &'static str {
        match (self.container, self.dump_type) {
            (Container::Full, _) => "complete memory dump",
            (Container::HeaderOnly, _) => "header without memory",
            (Container::Triage, _) => "small memory dump (triage)",
            (Container::Bitmap, Some(2)) => "kernel memory dump (old form)",
            (Container::Bitmap, Some(5)) => "complete memory dump (bitmap)",
            (Container::Bitmap, Some(7)) => "automatic memory dump",
            (Container::Bitmap, _) => "kernel memory dump (bitmap; active and live dumps too)",
            (Container::Ranges, Some(8)) => "kernel memory dump written by a debugger",
            (Container::Ranges, Some(9)) => "kernel and user memory dump written by a debugger",
            (Container::Ranges, _) => "complete memory dump written by a debugger",
            (Container::Lime, _) => "LiME image of a machine's memory",
            (Container::Elf, _) => "ELF core of a virtual machine",
            (Container::Raw, _) => "raw memory image",
        }
    }

    /// The bugcheck, where it is a known one.
    pub fn known_bugcheck(&self) -> Option<&'static Bugcheck> {
        self.bugcheck.and_then(|(code, _)| bugcheck::lookup(code))
    }

    /// Its name, if it is documented.
    pub fn bugcheck_name(&self) -> Option<&'static str> {
        self.bugcheck.and_then(|(code, _)| bugcheck::name(code))
    }

    /// The bugcheck in one sentence.
    pub fn bugcheck_text(&self) -> Option<String> {
        let (code, _) = self.bugcheck?;
        let meaning = self.known_bugcheck().map(|known| known.meaning);
        let meaning =
            meaning.or_else(|| bugcheck::is_live(code).then_some("the system went on after this report"));
        Some(match (self.bugcheck_name(), meaning) {
            (Some(name), Some(meaning)) => format!("{code:#010X} {name}: {meaning}"),
            (Some(name), None) => format!("{code:#010X} {name}"),
            (None, _) => format!("{code:#010X}: an unknown bugcheck"),
        })
    }

    /// The parameters: value, and what it is if that is known.
    pub fn bugcheck_parameters(&self) -> Vec<(u64, String)> {
        let names = self.known_bugcheck().map_or(&[][..], |known| known.parameters);
        let values = self.bugcheck.map(|(_, values)| values).unwrap_or_default();
        let described = values.into_iter().enumerate().map(|(at, value)| {
            let name = names.get(at).copied().unwrap_or_default();
            let status = bugcheck::status(value)
                .filter(|_| name.contains("exception code") || name.contains("status code"));
            (value, status.map_or_else(|| name.to_owned(), |status| format!("{name}: {status}")))
        });
        described.take(if self.bugcheck.is_some() { 4 } else { 0 }).collect()
    }

    /// The code that faulted: what the bugcheck reports, else the exception record of the header.
    pub fn fault(&self) -> Option<u64> {
        let names = self.known_bugcheck().map_or(&[][..], |known| known.parameters);
        let at = names.iter().position(|name| *name == "address of the code");
        let reported = at.and_then(|at| self.bugcheck?.1.get(at).copied()).filter(|&address| address != 0);
        reported.or(self.exception.map(|(_, address)| address))
    }
}

/// Release of a build: the newest that is not newer.
fn release(build: u32, server: bool) -> &'static str {
    const NAMES: &[(u32, &str, &str)] = &[
        (2195, "Windows 2000", "Windows 2000 Server"),
        (2600, "Windows XP", "Windows XP"),
        (3790, "Windows XP x64", "Windows Server 2003"),
        (6000, "Windows Vista", "Windows Server 2008"),
        (7600, "Windows 7", "Windows Server 2008 R2"),
        (9200, "Windows 8", "Windows Server 2012"),
        (9600, "Windows 8.1", "Windows Server 2012 R2"),
        (10_240, "Windows 10 1507", "Windows 10 1507"),
        (10_586, "Windows 10 1511", "Windows 10 1511"),
        (14_393, "Windows 10 1607", "Windows Server 2016"),
        (15_063, "Windows 10 1703", "Windows 10 1703"),
        (16_299, "Windows 10 1709", "Windows Server 1709"),
        (17_134, "Windows 10 1803", "Windows Server 1803"),
        (17_763, "Windows 10 1809", "Windows Server 2019"),
        (18_362, "Windows 10 1903 or 1909", "Windows Server 1903 or 1909"),
        (18_363, "Windows 10 1909", "Windows Server 1909"),
        (19_041, "Windows 10 2004 to 22H2", "Windows Server 2004 or 20H2"),
        (19_042, "Windows 10 20H2", "Windows Server 20H2"),
        (19_043, "Windows 10 21H1", "Windows 10 21H1"),
        (19_044, "Windows 10 21H2", "Windows 10 21H2"),
        (19_045, "Windows 10 22H2", "Windows 10 22H2"),
        (20_348, "Windows Server 2022", "Windows Server 2022"),
        (22_000, "Windows 11 21H2", "Windows 11 21H2"),
        (22_621, "Windows 11 22H2 or 23H2", "Windows 11 22H2 or 23H2"),
        (22_631, "Windows 11 23H2", "Windows 11 23H2"),
        (25_398, "Windows Server 23H2", "Windows Server 23H2"),
        (26_100, "Windows 11 24H2 or 25H2", "Windows Server 2025"),
        (26_200, "Windows 11 25H2", "Windows Server, later than 2025"),
        (26_201, "Windows 11, later than 25H2", "Windows Server, later than 2025"),
    ];
    let found = NAMES.iter().rev().find(|(first, ..)| build >= *first);
    found.map_or("Windows", |&(_, client, of_server)| if server { of_server } else { client })
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn releases() {
        assert_eq!(release(19_041, false), "Windows 10 2004 to 22H2");
        assert_eq!(release(19_045, false), "Windows 10 22H2");
        assert_eq!(release(26_100, true), "Windows Server 2025");
        assert_eq!(release(99_999, false), "Windows 11, later than 25H2");
        assert_eq!(release(0, false), "Windows");
    }
}
