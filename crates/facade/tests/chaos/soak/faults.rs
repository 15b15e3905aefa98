//! All that goes wrong.

use mainstay_mock_openai::{FaultSpec, Latency, ModelPlan, Outage, RetryAfter, StreamFault, WholeFault};

use crate::world::Pace;

/// Each befalls one attempt in four hundred, an eleventh of them together.
const EACH: f64 = 0.0025;

fn kinds(pace: Pace) -> Vec<FaultSpec> {
    let whole = [
        WholeFault::RateLimited(RetryAfter::millis("300")),
        WholeFault::Overloaded(RetryAfter::default()),
        WholeFault::Overloaded529(RetryAfter::default()),
        WholeFault::RequestTimeout,
        WholeFault::ServerError,
        WholeFault::BadGateway,
        WholeFault::GatewayTimeout,
        WholeFault::Reset,
        WholeFault::ResetMidBody,
        WholeFault::Close,
        WholeFault::Hang,
        WholeFault::HangAfterHeaders,
        WholeFault::SlowDrip { interval: pace.outlasting(1.0) },
        WholeFault::Html200,
        WholeFault::Empty200,
        WholeFault::TruncatedJson,
        WholeFault::WrongJson,
        WholeFault::ErrorIn200,
    ];
    let streamed = [
        StreamFault::CutAnywhere,
        StreamFault::Stall { after: 2 },
        StreamFault::ErrorEvent { after: 1 },
        StreamFault::MalformedEvent { after: 1 },
        StreamFault::EndEarly { after: 2 },
        StreamFault::NoDone,
        StreamFault::DoubleDone,
        StreamFault::SplitBytes,
        StreamFault::RoleOnly,
        StreamFault::CommentsOnly { interval: pace.seconds(0.5) },
        StreamFault::ErrorFirst,
        StreamFault::EmptyStream,
        StreamFault::OnlyDone,
        StreamFault::HugeEvent { size: 64 << 10 },
    ];
    whole.into_iter().map(FaultSpec::from).chain(streamed.map(FaultSpec::from)).collect()
}

/// The names of what befalls each of the servers.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    kinds(Pace::SIMULATED).into_iter().map(|fault| fault.name())
}

/// A server whose attempts fail in all ways that there are; from this minute on all of them do, for a minute of each quarter of an hour.
pub(super) fn faulty(pace: Pace, minute: f64) -> ModelPlan {
    let plan = kinds(pace).into_iter().fold(ModelPlan::new(), |plan, fault| plan.fault(fault, EACH));
    let down = Outage::new(pace.seconds(60.0 * minute), WholeFault::ServerError);
    plan.latency(Latency::LogNormal { median: pace.seconds(0.5), sigma: 0.5 })
        .first_token(Latency::LogNormal { median: pace.seconds(0.2), sigma: 0.5 })
        .per_token(Latency::Constant(pace.seconds(0.01)))
        .outage(down.until(pace.seconds(60.0 * (minute + 1.0))).every(pace.seconds(900.0)))
}

/// What no call survives on a server, and so belongs to one of several: for five seconds from these on there is no money, and no key is known.
pub(super) fn purse_and_key(pace: Pace, from: [f64; 2]) -> [Outage; 2] {
    let [quota, key] = from.map(|from| [from, from + 5.0].map(|at| pace.seconds(at)));
    [
        Outage::new(quota[0], WholeFault::InsufficientQuota).until(quota[1]),
        Outage::new(key[0], WholeFault::Unauthorized).until(key[1]),
    ]
}
