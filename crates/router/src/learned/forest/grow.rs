#![expect(
    clippy::indexing_slicing,
    reason = "rows, nodes and bins are counted here, and none is out of range"
)]

use super::{Bins, Forest, Question, Tree};
use crate::learned::groups::Groups;

/// How a forest grows: each tree on what those before it have left unexplained
/// ([Friedman 2002](https://doi.org/10.1016/S0167-9473(01)00065-2)).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grow {
    /// How many times anew: the mean of several forests depends less on chance than each of them.
    pub(crate) forests: usize,
    /// How many trees each forest has.
    pub(crate) trees: usize,
    /// How many questions a tree asks.
    pub(crate) depth: usize,
    /// The part of what is left that a tree takes.
    pub(crate) rate: f32,
    /// How many rows of mean 0 each leaf is thought to have besides its own.
    pub(crate) ballast: f32,
    /// The share of groups that a tree sees.
    pub(crate) groups: f32,
    /// The share of features that a tree sees.
    pub(crate) columns: f32,
}

/// The rows of one tree, and where they are in it.
struct Growing<'a> {
    bins: &'a Bins,
    left: &'a [f32],
    /// The rows, and the node of each.
    rows: Vec<(u32, u8)>,
    ballast: f32,
}

/// The sum of what is left, and the number of rows.
type Cell = (f32, f32);

// === impl Grow ===

impl Grow {
    /// Grows forests that predict the targets, as one; rows without a target do not count.
    pub(crate) fn mean(
        &self,
        bins: &Bins,
        groups: &Groups,
        targets: &[Option<f32>],
        rng: &mut fastrand::Rng,
    ) -> Forest {
        let grown = (0..self.forests).flat_map(|_| self.forest(bins, groups, targets, rng).trees);
        let mut trees: Vec<Tree> = grown.collect();
        for leaf in trees.iter_mut().flat_map(|tree| &mut tree.leaves) {
            *leaf /= self.forests as f32;
        }
        Forest { trees }
    }

    fn forest(
        &self,
        bins: &Bins,
        groups: &Groups,
        targets: &[Option<f32>],
        rng: &mut fastrand::Rng,
    ) -> Forest {
        let known: Vec<bool> = targets.iter().map(Option::is_some).collect();
        let mut left: Vec<f32> = targets.iter().map(|target| target.unwrap_or(0.0)).collect();
        let mut order: Vec<u32> = (0..).take(groups.len()).collect();
        let mut features: Vec<u16> = (0..u16::try_from(bins.features()).unwrap_or(u16::MAX)).collect();
        let mut forest = Forest::default();
        for _ in 0..self.trees {
            let seen = draw(&mut order, self.groups, rng).iter().flat_map(|group| groups.members(*group));
            let rows = seen.filter(|row| known[**row as usize]).map(|row| (*row, 0)).collect();
            let growing = Growing { bins, left: &left, rows, ballast: self.ballast };
            let questions = self.questions(growing, draw(&mut features, self.columns, rng));
            forest.trees.push(self.settle(questions, bins, &known, &mut left));
        }
        forest
    }

    fn questions(&self, mut growing: Growing<'_>, features: &[u16]) -> Vec<Question> {
        let mut questions = Vec::new();
        for level in 0..self.depth {
            let best = features.iter().filter_map(|feature| growing.best(*feature, 1 << level));
            let Some((_, question)) = best.reduce(|best, other| if other.0 > best.0 { other } else { best })
            else {
                break;
            };
            growing.ask(question, level);
            questions.push(question);
        }
        questions
    }

    /// Gives a tree its leaves, and takes what they explain from what is left. All rows count here, not only those of the groups that
    /// chose the questions: where a question tells nothing about the others, its leaves differ less.
    fn settle(&self, questions: Vec<Question>, bins: &Bins, known: &[bool], left: &mut [f32]) -> Tree {
        let places: Vec<usize> = (0..left.len()).map(|row| place(&questions, bins, row)).collect();
        let mut cells: Vec<Cell> = vec![(0.0, 0.0); 1 << questions.len()];
        for ((place, left), _) in places.iter().zip(left.iter()).zip(known).filter(|(_, known)| **known) {
            cells[*place] = (cells[*place].0 + left, cells[*place].1 + 1.0);
        }
        let leaf = |(sum, count): &Cell| self.rate * sum / (count + self.ballast);
        let leaves: Vec<f32> = cells.iter().map(leaf).collect();
        left.iter_mut().zip(places).for_each(|(left, place)| *left -= leaves[place]);
        Tree { questions, leaves }
    }
}

// === impl Growing ===

impl Growing<'_> {
    /// The question about a feature that tells most, and how much it tells.
    fn best(&self, feature: u16, nodes: usize) -> Option<(f32, Question)> {
        let ends = self.bins.ends(usize::from(feature));
        let cells = self.cells(usize::from(feature), nodes, ends.len() + 1);
        let totals: Vec<Cell> = cells.chunks(ends.len() + 1).map(sum).collect();
        let mut below = vec![(0.0, 0.0); nodes];
        let mut best = None;
        for (bin, above) in ends.iter().enumerate() {
            let mut told = 0.0;
            for (node, below) in below.iter_mut().enumerate() {
                let cell = cells[node * (ends.len() + 1) + bin];
                *below = (below.0 + cell.0, below.1 + cell.1);
                told += self.worth(*below) + self.worth((totals[node].0 - below.0, totals[node].1 - below.1));
            }
            if best.is_none_or(|(most, _)| told > most) {
                best = Some((told, Question { feature, above: *above }));
            }
        }
        best
    }

    fn cells(&self, feature: usize, nodes: usize, bins: usize) -> Vec<Cell> {
        let column = self.bins.column(feature);
        let mut cells = vec![(0.0, 0.0); nodes * bins];
        for (row, node) in &self.rows {
            let cell = &mut cells[usize::from(*node) * bins + usize::from(column[*row as usize])];
            *cell = (cell.0 + self.left[*row as usize], cell.1 + 1.0);
        }
        cells
    }

    fn worth(&self, (sum, count): Cell) -> f32 {
        sum * sum / (count + self.ballast)
    }

    fn ask(&mut self, question: Question, level: usize) {
        let (feature, bins) = (usize::from(question.feature), self.bins);
        let (column, last) = (bins.column(feature), bin_of(bins, question));
        for (row, node) in &mut self.rows {
            *node |= u8::from(usize::from(column[*row as usize]) > last) << level;
        }
    }
}

/// The last bin that is not above what a question asks.
fn bin_of(bins: &Bins, question: Question) -> usize {
    bins.ends(usize::from(question.feature)).partition_point(|end| *end < question.above)
}

/// The index of the leaf that a row comes to.
fn place(questions: &[Question], bins: &Bins, row: usize) -> usize {
    questions.iter().enumerate().fold(0, |leaf, (level, question)| {
        let bin = bins.column(usize::from(question.feature))[row];
        leaf | usize::from(usize::from(bin) > bin_of(bins, *question)) << level
    })
}

fn sum(cells: &[Cell]) -> Cell {
    cells.iter().fold((0.0, 0.0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1))
}

/// Moves a share of the elements, drawn at random, to the front: at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
fn draw<'a, T>(from: &'a mut [T], share: f32, rng: &mut fastrand::Rng) -> &'a [T] {
    let count = ((from.len() as f32 * share).ceil() as usize).clamp(from.len().min(1), from.len());
    for at in 0..count {
        let other = rng.usize(at..from.len());
        from.swap(at, other);
    }
    &from[..count]
}
