//! The process from its start to its end.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use arc_swap::ArcSwapOption;
use axum::serve::ListenerExt;
use mainstay::{Config, Mainstay};
use tokio::{net::TcpListener, sync::watch, time::sleep};

use crate::{
    app::{self, App},
    keys::Keys,
    meter::Meter,
    mock::Mock,
    options::Options,
    signals::{self, Hangups},
};

/// What is read again at SIGHUP.
struct Files {
    config: Option<PathBuf>,
    keys: Option<PathBuf>,
    app: App,
}

/// Serves until told to stop, and then until the calls under way have ended and what is remembered is on the disk.
///
/// # Errors
///
/// Names the setting, or the file, line and field, that cannot be used.
pub(crate) async fn run(options: Options) -> Result<()> {
    // From the first moment on: a signal that comes early is not to kill calls either.
    let (stop, hangups) = (signals::stop()?, Hangups::listen()?);
    let mock = if options.mock { Some(Mock::start().await?) } else { None };
    let mainstay = match (&mock, &options.config) {
        (Some(mock), _) => Mainstay::from_config(mock.config()?)?,
        (None, Some(path)) => Mainstay::from_path(path)?,
        (None, None) => bail!("name a file by --config, or ask for --mock"),
    };
    let keys = Keys::read(options.keys_file.as_deref())?;
    let app = App {
        mainstay,
        meter: Meter::install()?,
        keys: Arc::new(ArcSwapOption::from_pointee(keys)),
        max_body: options.max_body,
    };
    let address = SocketAddr::from((options.host, options.port));
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    println!("http://{}/v1", listener.local_addr()?);
    let files = Files { config: options.config, keys: options.keys_file, app: app.clone() };
    let reloading = tokio::spawn(files.reload_at(hangups));
    let mainstay = app.mainstay.clone();
    let served = serve(listener, app, stop, Duration::from_secs(options.grace)).await;
    reloading.abort();
    // Not before the calls under way have ended: their answers are still to be kept.
    mainstay.close().await;
    tracing::info!("what is remembered is on the disk");
    if let Some(mock) = mock {
        mock.tell().await;
    }
    served
}

async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
    grace: Duration,
) -> Result<()> {
    let (tell, mut told) = watch::channel(false);
    let stopped = async move {
        stop.await;
        tracing::info!("told to stop: calls under way have {grace:?} to end");
        tell.send_replace(true);
    };
    // Without TCP_NODELAY each small write of a stream may wait for the peer's delayed acknowledgement.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
    });
    let server = axum::serve(listener, app::router(app)).with_graceful_shutdown(stopped);
    tokio::select! {
        ended = server => Ok(ended?),
        () = async {
            // Ends with an error when the teller is gone, which it is when it has told.
            let _ = told.wait_for(|told| *told).await;
            sleep(grace).await;
        } => {
            tracing::warn!("calls are still under way after {grace:?}: they are cut");
            Ok(())
        }
    }
}

// === impl Files ===

impl Files {
    /// Reads the files again whenever told to. Calls under way end as they began; what cannot be used changes nothing.
    async fn reload_at(self, mut hangups: Hangups) {
        loop {
            hangups.next().await;
            match self.reload() {
                Ok(()) => tracing::info!(models = self.app.mainstay.models().len(), "reloaded"),
                Err(error) => tracing::error!("not reloaded, all stays as it was: {}", crate::told(&error)),
            }
        }
    }

    fn reload(&self) -> Result<()> {
        let keys = Keys::read(self.keys.as_deref())?;
        if let Some(path) = &self.config {
            self.app.mainstay.reload(&self::read(path)?)?;
        }
        self.app.keys.store(keys.map(Arc::new));
        Ok(())
    }
}

fn read(path: &Path) -> Result<Config> {
    Ok(Config::from_path(path)?)
}
