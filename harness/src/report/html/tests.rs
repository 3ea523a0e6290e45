use super::*;
use crate::report::synthetic;

/// The page, checked to be well-formed.
fn page(report: &Report) -> String {
    let page = Html.render(report).unwrap();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    if let Err(error) = roxmltree::Document::parse_with_options(&page, options) {
        panic!("{error}\n{page}");
    }
    page
}

#[test]
fn is_well_formed_and_complete() {
    let page = page(&synthetic::report());
    assert_eq!(page.matches("<svg").count(), 5);
    assert_eq!(page.matches("<tr class=").count(), 16 + 1);
    for text in [
        "transmission MSE",
        "MSE per symbol vector",
        "certified bound",
        "perplexity",
        "time per token, ms",
        "iteration",
        "E[σ²α] of (17)",
    ] {
        assert!(page.contains(&format!(">{text}</text>")), "no axis says {text}");
    }
    assert!(page.contains("uniform shares") && page.contains("change E[MSE] by −16.0 %"));
    assert!(page.contains("not on this scale: exact."));
    assert!(!page.contains("NaN") && !page.contains("inf\""));
}

#[test]
fn needs_nothing_from_outside() {
    let page = page(&synthetic::report());
    for reference in ["http:", "https:", "//", "src=", "href=", "@import", "<script", "<link"] {
        assert!(!page.contains(reference), "the page holds {reference}");
    }
    assert_eq!(page.matches("url(").count(), page.matches("url(#clip-").count());
}

#[test]
fn equal_reports_are_equal_pages() {
    assert_eq!(page(&synthetic::report()), page(&synthetic::report()));
}

#[test]
fn text_is_never_markup() {
    let mut report = synthetic::report();
    report.evaluation.text.name = "</dd><script>alert('x')</script>\u{1}".into();
    report.evaluation.protocol = "a & b <c>".into();
    let page = page(&report);
    assert!(!page.contains("<script") && !page.contains("<b>"));
    assert!(page.contains("a &amp; b &lt;c&gt;"));
    assert!(
        page.contains(
            "<code>aircomp eval --model &#39;models/&lt;b&gt;&quot;tiny&quot; &amp; co&#39;</code>"
        )
    );
}

#[test]
fn odd_reports_are_still_pages() {
    let mut report = synthetic::report();
    report.evaluation.rows.truncate(1);
    report.evaluation.assignment = None;
    assert_eq!(page(&report).matches("<svg").count(), 4);
    report.evaluation.transceivers[0].bound = None;
    assert!(page(&report).contains("no useful bound"));
    report.evaluation.transceivers.clear();
    assert_eq!(page(&report).matches("<svg").count(), 3);
    report.evaluation.rows[0].perplexity = f64::INFINITY;
    assert_eq!(page(&report).matches("<svg").count(), 2);
    report.evaluation.rows.clear();
    assert_eq!(page(&report).matches("<svg").count(), 0);
    let mut report = synthetic::report();
    if let Some(study) = &mut report.evaluation.assignment {
        study.iterations.truncate(1);
    }
    page(&report);
    if let Some(study) = &mut report.evaluation.assignment {
        study.iterations.clear();
    }
    assert_eq!(page(&report).matches("<svg").count(), 4);
}

/// Writes a page to look at: `AIRCOMP_PAGE=FILE cargo test -p harness --lib look_at_it -- --ignored`.
#[test]
#[ignore = "for people"]
fn look_at_it() {
    if let Some(file) = std::env::var_os("AIRCOMP_PAGE") {
        std::fs::write(file, page(&synthetic::report())).unwrap();
    }
}
