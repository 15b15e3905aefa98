use std::{sync::Arc, time::Duration};

#[cfg(feature = "redis")]
use crate::redis::Ticket;
use crate::{Limit, Limits, ServerLimits, TryAcquireError, queue::Queue};

/// A way to limits, for who must find them again at a call's end.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Shared(Arc<Limits>),
    /// Nothing is counted up and down: that alone costs more than the taking.
    Static(&'static Limits),
    /// Everything has been taken already, by one script on a server. Elsewhere, so that the reservations of all others stay small.
    #[cfg(feature = "redis")]
    Remote(Box<Ticket>),
    /// Taken from both: limits of this process, and shared ones.
    #[cfg(feature = "redis")]
    Both(Box<[Self; 2]>),
}

// === impl Owner ===

impl Owner {
    #[cfg_attr(not(feature = "redis"), allow(clippy::unnecessary_wraps, reason = "others are remote"))]
    #[inline]
    fn local(&self) -> Option<&Limits> {
        match self {
            Self::Shared(limits) => Some(limits),
            Self::Static(limits) => Some(limits),
            #[cfg(feature = "redis")]
            Self::Remote(_) | Self::Both(_) => None,
        }
    }

    pub(crate) fn learn(&self, server: &ServerLimits) {
        match self {
            #[cfg(feature = "redis")]
            Self::Remote(ticket) => ticket.learn(server),
            #[cfg(feature = "redis")]
            Self::Both(both) => both.iter().for_each(|owner| owner.learn(server)),
            _ => self.local().into_iter().for_each(|limits| limits.learn(server)),
        }
    }

    pub(crate) fn pause(&self, time: Duration) {
        match self {
            #[cfg(feature = "redis")]
            Self::Remote(ticket) => ticket.pause(time),
            #[cfg(feature = "redis")]
            Self::Both(both) => both.iter().for_each(|owner| owner.pause(time)),
            _ => self.local().into_iter().for_each(|limits| limits.pause(time)),
        }
    }

    pub(crate) fn try_take(&self, limit: Limit, amount: u64) -> Result<(), TryAcquireError> {
        self.local().map_or(Ok(()), |limits| limits.try_take(limit, amount))
    }

    pub(crate) fn line(&self, limit: Limit) -> Option<&dyn Queue> {
        self.local()?.line(limit)
    }

    pub(crate) fn give_back(&self, limit: Limit, amount: u64) {
        match self {
            #[cfg(feature = "redis")]
            Self::Remote(ticket) => ticket.give_back(limit, amount),
            #[cfg(feature = "redis")]
            Self::Both(both) => both.iter().for_each(|owner| owner.give_back(limit, amount)),
            _ => self.local().into_iter().for_each(|limits| limits.give_back(limit, amount)),
        }
    }

    #[inline]
    pub(crate) fn end(&self, reserved: u64, used: u64) {
        match self {
            #[cfg(feature = "redis")]
            Self::Remote(ticket) => ticket.end(reserved, used),
            #[cfg(feature = "redis")]
            Self::Both(both) => both.iter().for_each(|owner| owner.end(reserved, used)),
            _ => self.local().into_iter().for_each(|limits| limits.end(reserved, used)),
        }
    }
}
