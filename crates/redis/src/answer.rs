//! Which errors say that the server is away, and which that it is there.

use redis::{ErrorKind, RedisError, ServerErrorKind as Server};

use crate::Away;

/// What a server says, in front of its words, while it serves nobody or writes nothing.
const SERVES_NOBODY: [&str; 6] = ["OOM", "MISCONF", "BUSY", "NOREPLICAS", "NOAUTH", "WRONGPASS"];

/// Judges an error that came where an answer was awaited.
pub(crate) fn judge(error: RedisError) -> Away {
    if is_away(&error) { Away::Failed(error) } else { Away::Refused(error) }
}

fn is_away(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::Parse
        | ErrorKind::AuthenticationFailed
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::Server(
            Server::BusyLoading
            | Server::ClusterDown
            | Server::MasterDown
            | Server::ReadOnly
            | Server::TryAgain
            | Server::Moved
            | Server::Ask,
        ) => true,
        _ => error.code().is_some_and(|code| SERVES_NOBODY.contains(&code)),
    }
}

#[cfg(test)]
mod tests {
    use redis::parse_redis_value;

    use super::*;

    fn away(line: &str) -> bool {
        let error = parse_redis_value(line.as_bytes()).and_then(redis::Value::extract_error).unwrap_err();
        is_away(&error)
    }

    #[test]
    fn a_server_that_serves_nobody_is_away() {
        for line in [
            "-LOADING Redis is loading the dataset in memory\r\n",
            "-CLUSTERDOWN The cluster is down\r\n",
            "-MASTERDOWN Link with MASTER is down\r\n",
            "-READONLY You can't write against a read only replica.\r\n",
            "-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
            "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
            "-MISCONF Redis is configured to save RDB snapshots\r\n",
            "-NOAUTH Authentication required.\r\n",
        ] {
            assert!(away(line), "{line}");
        }
        assert!(is_away(&std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()));
    }

    #[test]
    fn a_server_that_refuses_one_question_is_there() {
        for line in [
            "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            "-ERR Error running script\r\n",
            "-NOPERM this user has no permissions\r\n",
            "-CROSSSLOT Keys in request don't hash to the same slot\r\n",
        ] {
            assert!(!away(line), "{line}");
        }
    }
}
