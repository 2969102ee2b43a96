//! The reliability diagram: of the rows given a confidence, how many leak.

use std::fmt::Write as _;

use crate::tally::Reliability;

/// Side of the square, and margins left and below, in SVG units.
const SIDE: f64 = 320.0;
const MARGIN: f64 = 56.0;

/// The diagram as SVG; `None` if no row has a confidence.
pub fn draw(reliability: &Reliability) -> Option<String> {
    reliability.error()?;
    let (width, height) = (SIDE + MARGIN + 24.0, SIDE + MARGIN + 16.0);
    let x = |share: f64| MARGIN + share * SIDE;
    let y = |share: f64| 16.0 + (1.0 - share) * SIDE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut line = |from: (f64, f64), to: (f64, f64), style: &str| {
        let (x1, y1, x2, y2) = (x(from.0), y(from.1), x(to.0), y(to.1));
        let _ = writeln!(out, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>");
    };
    line((0.0, 0.0), (1.0, 0.0), "stroke=\"#333\"");
    line((0.0, 0.0), (0.0, 1.0), "stroke=\"#333\"");
    line((0.0, 0.0), (1.0, 1.0), "stroke=\"#999\" stroke-dasharray=\"4\"");
    for tenth in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        let label = format!("{:.0} %", tenth * 100.0);
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            x(tenth),
            y(0.0) + 18.0
        );
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            x(0.0) - 6.0,
            y(tenth) + 4.0
        );
    }
    let (middle, below) = (x(0.5), y(0.0) + 40.0);
    let _ = writeln!(
        out,
        "<text x=\"{middle:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">stated confidence</text>"
    );
    let (left, half) = (14.0, y(0.5));
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"{half:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 {left} {half:.1})\">rows that leak</text>"
    );
    for &(stated, leaks, rows) in reliability.bins.iter().filter(|bin| bin.2 > 0) {
        let (stated, share) = (stated / rows as f64, leaks as f64 / rows as f64);
        // The error bar is Wilson's 95 % interval (JASA 22, 1927).
        let (low, high) = wilson(leaks as f64, rows as f64);
        let (at, top, bottom) = (x(stated), y(high), y(low));
        let _ = writeln!(
            out,
            "<line x1=\"{at:.1}\" y1=\"{top:.1}\" x2=\"{at:.1}\" y2=\"{bottom:.1}\" stroke=\"#1565c0\"/>"
        );
        let _ = writeln!(
            out,
            "<circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"#1565c0\"><title>{leaks} of {rows} rows</title></circle>",
            y(share)
        );
    }
    out.push_str("</svg>\n");
    Some(out)
}

fn wilson(hits: f64, of: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let share = hits / of;
    let middle = share + Z * Z / (2.0 * of);
    let half = Z * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
    let scale = 1.0 + Z * Z / of;
    ((middle - half) / scale, (middle + half) / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_confidences_there_is_no_diagram() {
        assert_eq!(draw(&Reliability::default()), None);
    }

    #[test]
    fn a_bin_is_a_dot_at_its_share() {
        let mut reliability = Reliability::default();
        reliability.bins[8] = (85.0, 80, 100);
        let svg = draw(&reliability).unwrap();
        assert!(svg.contains("<circle cx=\"328.0\" cy=\"80.0\""), "{svg}");
        assert!(svg.contains("80 of 100 rows"));
    }

    #[test]
    fn wilsons_interval() {
        // Worked by hand: 0.5 ± 1.96 √(0.25/20 + 3.8415/1600) ÷ (1 + 3.8415/20).
        let (low, high) = wilson(10.0, 20.0);
        assert!((low - 0.299_298).abs() < 1e-5 && (high - 0.700_702).abs() < 1e-5, "{low} {high}");
    }
}
