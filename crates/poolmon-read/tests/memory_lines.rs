//! PoolMon's lines of memory figures, cut and wrapped at every width.

mod common;

use poolmon_model::{Header, Sample};
use poolmon_read::{Input, text};

/// The lines as Windows prints them: today's, those of Windows XP, narrow figures, figures that touch everything.
const LINES: [[&str; 2]; 4] = [
    [
        " Memory:49371552K Avail:26121028K  PageFlts:901597864   InRam Krnl:76500K P:4130216K",
        " Commit:35762700K Limit:64575904K Peak:43634092K            Pool N:2099000K P:4427892K",
    ],
    [
        " Memory: 1046000K Avail:  261210K  PageFlts:  9015978   InRam Krnl: 2500K P:130216K",
        " Commit:  357627K Limit: 2457590K Peak:  436340K            Pool N:20990K P:144278K",
    ],
    [
        " Memory:  130480K Avail:   13456K  PageFlts:      123   InRam Krnl:  934K P: 9216K",
        " Commit:   35762K Limit:  245759K Peak:   43634K            Pool N: 2099K P: 9427K",
    ],
    [
        " Memory:1649371552K Avail:1126121028K  PageFlts:4201597864   InRam Krnl:176500K P:114130216K",
        " Commit:1835762700K Limit:1864575904K Peak:1943634092K            Pool N:112099000K P:114427892K",
    ],
];
const ROWS: &str = "
 Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc

 Tst1 Nonp          20         4        16     16384       1024
 Tst2 Paged         20         4        16     16384       1024
";

fn read(lines: &[String]) -> Sample {
    let text = [&lines.join("\n"), ROWS].concat();
    let mut sample = Sample::empty();
    let mut reader = text::reader(&Input::from_bytes("t.log", text.into_bytes())).unwrap();
    assert!(reader.next_into(&mut sample).unwrap());
    assert_eq!(sample.rows.len(), 2);
    sample
}

fn figures(header: &Header) -> Vec<(&'static str, Option<u64>)> {
    poolmon_model::header::FIGURES.iter().map(|figure| (figure.id, (figure.get)(header))).collect()
}

/// Each figure is right or unknown; whether all are right.
fn check(sample: &Sample, whole: &Sample, what: &str) -> bool {
    let mut all = true;
    for ((id, figure), (_, right)) in figures(&sample.header).into_iter().zip(figures(&whole.header)) {
        assert!(figure.is_none() || figure == right, "{what}: {id} is {figure:?}, not {right:?}");
        all &= figure == right;
    }
    all
}

/// At a blank, as mail programs do.
fn at_blanks(line: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in line.split_inclusive(' ') {
        let last = parts.last_mut().unwrap();
        if last.len() + word.trim_end().len() > width && !last.trim().is_empty() {
            parts.push(word.to_owned());
        } else {
            last.push_str(word);
        }
    }
    parts
}

#[test]
fn a_figure_of_a_line_that_was_cut_or_wrapped_is_right_or_unknown() {
    for lines in LINES {
        let whole = read(&lines.map(str::to_owned));
        assert_eq!(
            figures(&whole.header).iter().filter(|(_, figure)| figure.is_some()).count(),
            10,
            "{lines:?}: {:?}",
            whole.header
        );
        for width in 20..=140 {
            let cut = lines.map(|line| line[..width.min(line.len())].to_owned());
            let sample = read(&cut);
            let all = check(&sample, &whole, &format!("cut at {width}"));
            // A cut behind a figure says nothing of what follows.
            let at_figure = |line: &String| line.ends_with(['K', ' ']);
            let remarks = sample.remarks.iter().filter(|remark| remark.contains("memory figures")).count();
            assert!(all || remarks > 0 || cut.iter().all(at_figure), "cut at {width}: {:?}", sample.remarks);

            let folded: Vec<String> = lines
                .iter()
                .flat_map(|line| {
                    line.as_bytes().chunks(width).map(|part| String::from_utf8_lossy(part).into_owned())
                })
                .collect();
            let sample = read(&folded);
            assert!(
                check(&sample, &whole, &format!("wrapped at {width}")),
                "wrapped at {width}: {folded:#?}"
            );

            let folded: Vec<String> = lines.iter().flat_map(|line| at_blanks(line, width)).collect();
            let sample = read(&folded);
            let all = check(&sample, &whole, &format!("wrapped at a blank before {width}"));
            assert!(all || !sample.remarks.is_empty(), "wrapped at a blank before {width}: {folded:#?}");
        }
    }
}
