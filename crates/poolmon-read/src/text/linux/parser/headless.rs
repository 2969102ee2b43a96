//! Lists of which the header was lost: `grep kmalloc /proc/slabinfo`, `sort -g /proc/allocinfo | tail`. They may be a part.

use poolmon_model::Sample;
use poolmon_proc::vmalloc::VmallocLine;

use super::super::section::Section;
use super::{LineUse, LinuxParser, lead};

impl LinuxParser {
    /// A row of a list that has no header.
    pub(super) fn headless(
        &mut self,
        section: Section,
        prefix: usize,
        (line, number): (&[u8], u64),
        sample: &mut Sample,
    ) -> LineUse {
        let stamp = self.stamp_before(prefix, line);
        let body = line.get(prefix..).unwrap_or_default().trim_ascii();
        let fresh = self.section != Some(section) || self.seen & section.bit() == 0;
        if fresh && self.begins_next(section, stamp, sample) {
            return LineUse::Next;
        }
        if section == Section::Meminfo {
            return self.memory(body, prefix, stamp, sample);
        }
        if fresh {
            self.enter(section, prefix, stamp, sample);
        }
        if section != Section::Vmallocinfo {
            (self.without_header, self.noticed.headless) = (true, true);
            return self.row(body, number, sample).unwrap_or(LineUse::Taken);
        }
        self.lead = lead(line, prefix);
        if VmallocLine::parse(body).is_cut() {
            self.keep_part(body, number);
        } else {
            self.area(body, sample);
        }
        LineUse::Taken
    }

    /// Whether a row of a list without a header is there already: then the next list begins.
    pub(super) fn is_listed_again(&mut self, id: &[u8], sample: &Sample) -> bool {
        if !(self.without_header || self.row_times.separates()) || self.is_report {
            return false;
        }
        let again = (self.without_header || self.row_times.several)
            && self.listed > 0
            && self.has_content(sample)
            && self.ids.contains(id);
        if !again {
            self.ids.insert(id.into());
        }
        again
    }

    /// Why a text with lists has no row, and how to save the last of them.
    pub(in super::super) fn why_nothing(&self) -> (String, &'static str) {
        let sections = [
            (Section::Allocinfo, "cat /proc/allocinfo >FILE, as root"),
            (Section::Vmallocinfo, "cat /proc/vmallocinfo >FILE, as root"),
            (Section::Slabtop, "slabtop --once >FILE, as root"),
            (Section::Vmstat, "vmstat -m >FILE, as root"),
            (Section::Crash, "kmem -s >FILE, in crash"),
        ];
        let last = sections.into_iter().find(|(section, _)| self.seen & section.bit() != 0);
        let (title, command) = last
            .map_or(("slabinfo", "cat /proc/slabinfo >FILE, as root"), |(section, command)| {
                (section.title(), command)
            });
        let mut problem = format!("its {title} has no row that can be read");
        for remark in self.noticed.unread() {
            problem.extend(["; ", &remark.text]);
        }
        (problem, command)
    }
}
