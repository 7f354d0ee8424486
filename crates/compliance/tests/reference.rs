//! The page that is made from the code, beside what is in the repository.
//!
//! `cargo xtask reference` writes it anew.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::PathBuf;
    use std::{env, fs};

    use compliance::failure_reason::TABLE;
    use compliance::metrics::METRICS;
    use compliance::verdict::Kind;
    use embedded_metrics::NAMESPACE;

    #[test]
    fn the_page_of_verdicts_metrics_and_failure_reasons() {
        let mut page = String::from(
            "# Verdicts, metrics and failure reasons\n\nMade from the code. What follows from each is in \
             [SEMANTICS](SEMANTICS.md), what to do about it in [TROUBLESHOOTING](TROUBLESHOOTING.md).\n\n## Verdicts\n\n\
             | verdict | `compliant` | when |\n|---|---|---|\n",
        );
        for kind in Kind::ALL {
            let compliant = kind
                .compliant()
                .map_or_else(|| "null".to_owned(), |compliant| compliant.to_string());
            let _ = writeln!(
                page,
                "| `{}` | {compliant} | {} |",
                kind.as_str(),
                kind.when()
            );
        }
        let _ = write!(
            page,
            "\n## Metrics\n\nNamespace `{NAMESPACE}`, dimensions `Bucket`, and `Bucket` with `Verdict`.\n\n\
             | metric | unit | meaning |\n|---|---|---|\n"
        );
        for (name, unit, meaning) in METRICS {
            let _ = writeln!(page, "| `{name}` | {unit} | {meaning} |");
        }
        page += "\n## Failure reasons\n\nS3's, as a `ReplicationFailed` verdict explains them.\n\n\
                 | reason | means | mended by |\n|---|---|---|\n";
        for known in TABLE {
            let (explanation, remedy) = (known.explanation, known.remedy);
            let _ = writeln!(page, "| `{}` | {explanation} | {remedy} |", known.code);
        }

        let path = PathBuf::from("../../docs/VERDICTS.md");
        if env::var_os("UPDATE_REFERENCE").is_some() {
            fs::write(&path, &page).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == page,
            "docs/VERDICTS.md is stale; cargo xtask reference writes it anew"
        );
    }
}
