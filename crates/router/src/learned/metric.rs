/// What a router buys: the quality of the answers against the share of calls that go to the strong model.
///
/// As [RouteLLM](https://arxiv.org/abs/2406.18665) defines it: the prompts are sorted by score, and at 11 thresholds, the score's
/// deciles, the upper part goes to the strong model. Prompts of equal score go in equal parts, so that their order in the file
/// does not matter.
///
/// # Examples
///
/// ```
/// use mainstay_router::learned::Curve;
///
/// // The weak model answers the first two prompts, the strong one all four.
/// let (weak, strong) = ([1.0, 1.0, 0.0, 0.0], [1.0; 4]);
/// let oracle = Curve::new(&[0.0, 0.0, 1.0, 1.0], &weak, &strong).unwrap();
/// assert!((oracle.apgr() - 0.75).abs() < 1e-9);
/// assert!((oracle.cpt(0.5) - 0.25).abs() < 1e-9);
///
/// let random = Curve::new(&[0.0; 4], &weak, &strong).unwrap();
/// assert!((random.apgr() - 0.5).abs() < 1e-9);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
    weak: f64,
    strong: f64,
}

/// One point of a [`Curve`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The share of calls that go to the strong model, from 0 to 1.
    pub share: f64,
    /// The mean score of the answers.
    pub quality: f64,
}

const STEPS: usize = 10;

// === impl Curve ===

impl Curve {
    /// Draws the curve of scores: the higher, the more the strong model is worth. `weak` and `strong` say how well each model
    /// answered. Returns `None` if there are no prompts, if the lengths differ, or if a score is not a number.
    pub fn new(scores: &[f64], weak: &[f64], strong: &[f64]) -> Option<Self> {
        let n = scores.len();
        if n == 0 || weak.len() != n || strong.len() != n || scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let mut ranked: Vec<(f64, f64)> = scores
            .iter()
            .zip(weak.iter().zip(strong))
            .map(|(score, (weak, strong))| (*score, strong - weak))
            .collect();
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
        let (weak, strong) = (mean(weak), mean(strong));
        let gains = cumulated(&ranked);
        let point = |step: usize| {
            let share = step as f64 / STEPS as f64;
            Point { share, quality: weak + between(&gains, share * n as f64) / n as f64 }
        };
        Some(Self { points: (0..=STEPS).map(point).collect(), weak, strong })
    }

    /// The points, by share: 0, a tenth, … 1.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The mean quality of the weak model alone.
    pub const fn weak(&self) -> f64 {
        self.weak
    }

    /// The mean quality of the strong model alone.
    pub const fn strong(&self) -> f64 {
        self.strong
    }

    /// The average performance gap recovered: the area under the curve between the weak model's quality (0) and the strong one's (1).
    /// Random choice has 0.5. It is not a number where the two are equally good.
    pub fn apgr(&self) -> f64 {
        let slices = self.points.iter().zip(self.points.iter().skip(1));
        let area: f64 = slices.map(|(a, b)| (b.share - a.share) * f64::midpoint(a.quality, b.quality)).sum();
        (area - self.weak) / (self.strong - self.weak)
    }

    /// The call-performance threshold: the least share of strong calls that recovers this part of the gap, 0.5 for half of it.
    pub fn cpt(&self, part: f64) -> f64 {
        let wanted = self.weak + part * (self.strong - self.weak);
        let reached =
            |quality: f64| if self.strong >= self.weak { quality >= wanted } else { quality <= wanted };
        let mut before: Option<Point> = None;
        for point in &self.points {
            if reached(point.quality) {
                let Some(before) = before else { return point.share };
                let rise = (wanted - before.quality) / (point.quality - before.quality);
                return before.share + rise * (point.share - before.share);
            }
            before = Some(*point);
        }
        1.0
    }

    /// The quality at a share of strong calls, between the points in a straight line.
    pub fn quality_at(&self, share: f64) -> f64 {
        let qualities: Vec<f64> = self.points.iter().map(|point| point.quality).collect();
        between(&qualities, share.clamp(0.0, 1.0) * STEPS as f64)
    }
}

/// What the first 0, 1, … n prompts gain together. Within a run of equal scores each gains the run's mean.
fn cumulated(ranked: &[(f64, f64)]) -> Vec<f64> {
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for run in ranked.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        let gain = run.iter().map(|(_, gain)| gain).sum::<f64>() / run.len() as f64;
        for _ in run {
            sum += gain;
            sums.push(sum);
        }
    }
    sums
}

/// The value at a place between two elements.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the slice")]
fn between(values: &[f64], at: f64) -> f64 {
    let below = at.floor() as usize;
    let value = |index: usize| values.get(index).or(values.last()).copied().unwrap_or(f64::NAN);
    let rest = at - below as f64;
    value(below) * (1.0 - rest) + value(below + 1) * rest
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
