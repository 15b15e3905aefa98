//! What only one group of calls shows.

use super::{fit::Targets, groups::Groups};

/// How far a group's mean gain may be from that of all, and still be thought to say something about other groups.
const PLAUSIBLE: f32 = 0.1;

/// The variance that the groups' true means are thought to have.
const BETWEEN: f32 = 0.01;

/// With fewer calls that tried both models, nothing is known of a group.
const FEWEST: usize = 20;

/// For each call, what is implausible in how much better a model did in its group than the first model: 0 in most groups.
///
/// A group in which one model fails nearly always, say because its answers could not be read, is no reason to distrust that model
/// with whatever looks like the group.
pub(crate) fn peculiarities(groups: &Groups, first: &Targets, model: &Targets) -> Vec<f32> {
    let gains: Vec<Option<f32>> =
        first.iter().zip(model).map(|(first, model)| Some((*model)? - (*first)?)).collect();
    let of_all = mean(gains.iter().flatten());
    let mut peculiar = vec![0.0; gains.len()];
    for members in groups.iter() {
        let known: Vec<f32> =
            members.iter().filter_map(|call| gains.get(*call as usize).copied().flatten()).collect();
        if known.len() < FEWEST {
            continue;
        }
        let away = away(&known, of_all);
        for call in members {
            if let Some(slot) = peculiar.get_mut(*call as usize) {
                *slot = away - away.clamp(-PLAUSIBLE, PLAUSIBLE);
            }
        }
    }
    peculiar
}

/// How far a group's mean is from that of all, shrunk by how little is known of it.
fn away(gains: &[f32], of_all: f32) -> f32 {
    let (count, of_group) = (gains.len() as f32, mean(gains.iter()));
    let variance = gains.iter().map(|gain| (gain - of_group).powi(2)).sum::<f32>() / count;
    (of_group - of_all) * BETWEEN / (BETWEEN + variance / count)
}

fn mean<'a>(values: impl Iterator<Item = &'a f32> + Clone) -> f32 {
    values.clone().sum::<f32>() / values.count().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_implausible_in_a_group_is_peculiar_to_it() {
        // Ten groups of 40 calls: the weak model answers half of each, the strong one all, but none of the last group's.
        let names: Vec<_> = (0..400).map(|call| Some((call / 40).to_string().into())).collect();
        let weak: Targets = (0_u8..2).cycle().take(400).map(|well| Some(f32::from(well))).collect();
        let strong: Targets = (0..400).map(|call| Some(if call < 360 { 1.0 } else { 0.0 })).collect();
        let found = peculiarities(&Groups::new(&names), &weak, &strong);
        assert!(found.iter().take(360).all(|value| value.abs() < f32::EPSILON), "{found:?}");
        assert!(found.iter().skip(360).all(|value| (-0.9..-0.3).contains(value)), "{found:?}");
        // Alone, no call says what its group is like.
        let alone = peculiarities(&Groups::alone(400), &weak, &strong);
        assert!(alone.iter().all(|value| value.abs() < f32::EPSILON));
    }
}
