//! Line charts in SVG: axes, lines, names. No more than the page needs.

use std::fmt::Write;

/// Outer size of a chart, and what its axes leave free, in pixels.
const SIZE: (f64, f64) = (860.0, 360.0);
const LEFT: f64 = 62.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 44.0;

/// Told apart also by those who see colours otherwise (Okabe and Ito).
const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666"];

/// A chart.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Above it.
    pub title: String,
    /// Along the bottom.
    pub x: Axis,
    /// At the left.
    pub y: Axis,
    /// In the order of their names.
    pub lines: Vec<Line>,
}

/// An axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What is measured, and in what.
    pub name: &'static str,
    /// Where numbers stand: the first and the last are the ends.
    pub ticks: Vec<f64>,
    /// How numbers lie on it.
    pub scale: Scale,
}

/// How numbers lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// By their distance.
    Linear,
    /// By their ratio.
    Logarithmic,
}

/// A line with a name.
#[derive(Debug, Clone)]
pub struct Line {
    /// At the right; lines without one have the colour of the one before.
    pub name: String,
    /// In order of x.
    pub points: Vec<(f64, f64)>,
}

impl Chart {
    /// As SVG.
    pub fn svg(&self) -> String {
        let (width, height) = SIZE;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
            self.title
        );
        self.draw_axes(&mut svg);
        self.draw_lines(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_axes(&self, svg: &mut String) {
        let (right, bottom) = (SIZE.0 - RIGHT, SIZE.1 - BOTTOM);
        for &tick in &self.y.ticks {
            let y = self.height(tick);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        for &tick in &self.x.ticks {
            let x = self.width(tick);
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {bottom}v5\" stroke=\"#888\"/>\
                 <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{tick}</text>",
                bottom + 18.0
            );
        }
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>\n\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\n\
             <text transform=\"translate(14 {:.0}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, right),
            bottom + 36.0,
            self.x.name,
            f64::midpoint(TOP, bottom),
            self.y.name,
        );
    }

    fn draw_lines(&self, svg: &mut String) {
        let named = self.lines.iter().filter(|line| !line.name.is_empty());
        for (row, line) in named.enumerate() {
            let y = TOP + 10.0 + 20.0 * row as f64;
            let x = SIZE.0 - RIGHT + 14.0;
            let colour = COLOURS[row % COLOURS.len()];
            let _ = writeln!(
                svg,
                "<path d=\"M{x} {y}h18\" stroke=\"{colour}\" stroke-width=\"2.5\"/>\
                 <text x=\"{:.0}\" y=\"{:.0}\">{}</text>",
                x + 24.0,
                y + 4.0,
                line.name
            );
        }
        let mut row = 0;
        for (index, line) in self.lines.iter().enumerate() {
            row += usize::from(index > 0 && !line.name.is_empty());
            let colour = COLOURS[row % COLOURS.len()];
            let mut path = String::new();
            for (index, &(x, y)) in line.points.iter().enumerate() {
                let step = if index == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{step}{:.1} {:.1}", self.width(x), self.height(y));
            }
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" \
                 stroke-linejoin=\"round\"/>"
            );
        }
    }

    fn width(&self, x: f64) -> f64 {
        LEFT + self.x.part(x) * (SIZE.0 - RIGHT - LEFT)
    }

    fn height(&self, y: f64) -> f64 {
        SIZE.1 - BOTTOM - self.y.part(y) * (SIZE.1 - BOTTOM - TOP)
    }
}

impl Axis {
    /// Where `value` lies, from 0 to 1; what is beyond an end lies at it.
    fn part(&self, value: f64) -> f64 {
        let (Some(&first), Some(&last)) = (self.ticks.first(), self.ticks.last()) else {
            return 0.0;
        };
        let value = value.clamp(first, last);
        match self.scale {
            Scale::Linear => (value - first) / (last - first),
            Scale::Logarithmic => (value / first).ln() / (last / first).ln(),
        }
    }
}
