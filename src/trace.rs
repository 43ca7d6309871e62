//! What a process tells of itself while it runs: its log, and its traces where somebody
//! collects them.

use std::{fmt, io::IsTerminal as _};

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Format, Full, JsonFields, Writer},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

#[cfg(feature = "otel")]
use tracing_subscriber::filter::filter_fn;

use crate::{
    config::watch::{LogFormat, WatchSettings},
    types::served,
};

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The filter is none.
    #[error("TELLER_LOG is no filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The traces cannot be sent.
    #[cfg(feature = "otel")]
    #[error("TELLER_OTLP_URL: {0}")]
    Otlp(String),
}

/// Ends the telling: what was not sent yet is sent when this is dropped.
#[derive(Debug, Default)]
pub struct Telling {
    #[cfg(feature = "otel")]
    traces: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

/// A layer of all that is told.
type Told = Box<dyn Layer<Registry> + Send + Sync>;

/// Begins to tell.
pub fn begin(settings: &WatchSettings) -> Result<Telling, TraceError> {
    let filter = EnvFilter::builder().parse(&settings.log)?;
    let ansi = std::io::stderr().is_terminal() && settings.log_format == LogFormat::Text;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi);
    let lines: Told = match settings.log_format {
        LogFormat::Text => lines.event_format(Text(format::format().with_ansi(ansi))).boxed(),
        LogFormat::Json => {
            let format = format::format().json().flatten_event(true);
            let format = format.with_current_span(false).with_span_list(false);
            lines.fmt_fields(JsonFields::new()).event_format(Json(format)).boxed()
        }
    };
    // Each line names its request by itself: the spans are for the traces alone.
    #[cfg(feature = "otel")]
    let lines = lines.with_filter(filter_fn(|said| !said.is_span())).boxed();
    #[cfg(feature = "otel")]
    if let Some(url) = &settings.otlp_url {
        let (traces, telling) = otlp::layer(url)?;
        let layers = vec![lines.with_filter(filter).boxed(), traces];
        tracing_subscriber::registry().with(layers).init();
        return Ok(telling);
    }
    tracing_subscriber::registry().with(lines).with(filter).init();
    Ok(Telling::default())
}

/// Lines of text; what is said in the service of a request names it at the end.
struct Text(Format<Full>);

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        match served::told(|request| writeln!(writer, "{line} {request}")) {
            Some(written) => written,
            None => writeln!(writer, "{line}"),
        }
    }
}

/// Lines with a JSON object each; its member `span` is the request that is served.
struct Json(Format<format::Json>);

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let request = served::told(|request| serde_json::to_string(&request));
        match (request, line.strip_suffix('}')) {
            (Some(Ok(request)), Some(open)) => writeln!(writer, "{open},\"span\":{request}}}"),
            _ => writeln!(writer, "{line}"),
        }
    }
}

#[cfg(feature = "otel")]
impl Drop for Telling {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

#[cfg(feature = "otel")]
mod otlp {
    //! Traces by OTLP over HTTP.

    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
    use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
    use tracing_subscriber::{EnvFilter, Layer as _};

    use super::{Telling, Told, TraceError};

    /// What is traced: the requests, and what is said while one is served.
    const FILTER: &str = "warn,teller=info,request=info";

    /// The layer that sends traces to somebody who collects them.
    pub(super) fn layer(url: &str) -> Result<(Told, Telling), TraceError> {
        // The client that sends asks for one even where it speaks no TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let exporter = SpanExporter::builder().with_http().with_endpoint(url).build();
        let exporter = exporter.map_err(|error| TraceError::Otlp(error.to_string()))?;
        let resource = Resource::builder().with_service_name("teller").build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("teller");
        let filter = EnvFilter::builder().parse(FILTER)?;
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        Ok((layer.with_filter(filter).boxed(), Telling { traces: Some(provider) }))
    }
}
