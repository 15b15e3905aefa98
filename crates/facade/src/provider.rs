/// Hosts, with all below them, and whose they are, as OpenTelemetry's GenAI conventions name it.
const PROVIDERS: [(&str, &str); 15] = [
    ("api.anthropic.com", "anthropic"),
    ("amazonaws.com", "aws.bedrock"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("models.ai.azure.com", "azure.ai.inference"),
    ("openai.azure.com", "azure.ai.openai"),
    ("cohere.com", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.groq.com", "groq"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("api.mistral.ai", "mistral_ai"),
    ("moonshot.ai", "moonshot_ai"),
    ("perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
];

/// Whose service a host is: `openai` where it is not known, since that is the dialect which all of them are spoken to in.
pub(crate) fn provider_of(host: &str) -> &'static str {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_of = |domain: &str| {
        let rest = name.strip_suffix(domain);
        // Vertex AI has its region before the name, by a hyphen.
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '-']))
    };
    PROVIDERS.iter().find(|(domain, _)| is_of(domain)).map_or("openai", |(_, provider)| provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_known_by_its_host() {
        for (host, provider) in [
            ("api.openai.com", "openai"),
            ("127.0.0.1:8080", "openai"),
            ("team.openai.azure.com", "azure.ai.openai"),
            ("api.groq.com:443", "groq"),
            ("europe-west4-aiplatform.googleapis.com", "gcp.vertex_ai"),
            ("bedrock-runtime.eu-west-1.amazonaws.com", "aws.bedrock"),
            ("notapi.x.ai", "openai"),
            ("api.x.ai.example.com", "openai"),
            ("", "openai"),
        ] {
            assert_eq!(provider_of(host), provider, "{host}");
        }
    }
}
