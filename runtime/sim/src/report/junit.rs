//! JUnit's XML, as CI systems read it: one `<testcase>` per property.

use super::failure::{FailureReport, PropertyReport, TestReport, Trouble, Verdict};
use super::text;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// One `<testsuite>` per test.
///
/// # Errors
/// None, as the report goes to memory; the writer's error all the same.
pub fn xml(tests: &[TestReport]) -> Result<String, SerializeError> {
    let mut report = Report::new("seedpod");
    report.set_time(tests.iter().map(|test| test.elapsed).sum());
    report.add_test_suites(tests.iter().map(suite));
    report.to_string()
}

fn suite(test: &TestReport) -> TestSuite {
    let mut suite = TestSuite::new(&test.test);
    suite.set_time(test.elapsed);
    suite.add_properties(properties(test));
    suite.add_test_cases(
        test.properties
            .iter()
            .map(|property| property_case(test, property)),
    );
    suite.add_test_cases(
        test.troubles
            .iter()
            .map(|trouble| trouble_case(test, trouble)),
    );
    suite
}

fn properties(test: &TestReport) -> Vec<(String, String)> {
    let seconds = test.elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = if seconds > 0.0 {
        test.runs as f64 / seconds
    } else {
        0.0
    };
    let properties = [
        ("seed", text::seed(test.seed)),
        ("strategy", test.strategy.clone()),
        ("fingerprint", text::fingerprint(&test.fingerprint)),
        ("runs", test.runs.to_string()),
        ("runs/s", format!("{rate:.1}")),
        ("interleavings", test.interleavings.to_string()),
        (
            "simulated seconds",
            format!("{:.3}", test.simulated.as_secs_f64()),
        ),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), value));
    properties.into_iter().collect()
}

fn property_case(test: &TestReport, property: &PropertyReport) -> TestCase {
    let status = match &property.verdict {
        Verdict::Held => TestCaseStatus::success(),
        Verdict::Failed(failures) => failed(property, failures),
        Verdict::Unmet => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("coverage").set_message(format!(
                "no run of {} has met it: the test does not reach what it means to test",
                test.runs
            ));
            status
        }
    };
    let mut case = TestCase::new(&property.property, status);
    case.set_classname(&test.test);
    let first = match &property.verdict {
        Verdict::Failed(failures) => failures.first(),
        Verdict::Held | Verdict::Unmet => None,
    };
    if let Some(failure) = first {
        case.add_property(("seed", text::seed(failure.seed).as_str()));
        case.add_property(("run", failure.run.to_string().as_str()));
        if let Some(choices) = &failure.choices {
            case.add_property(("choices", choices.as_str()));
        }
    }
    case
}

fn failed(property: &PropertyReport, failures: &[FailureReport]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let kind = property.property.split(' ').next().unwrap_or_default();
    status.set_type(kind);
    if let Some(first) = failures.first() {
        status.set_message(text::printable(&first.message));
    }
    let blocks: Vec<_> = failures.iter().map(text::failure).collect();
    status.set_description(blocks.join("\n"));
    status
}

fn trouble_case(test: &TestReport, trouble: &Trouble) -> TestCase {
    let (name, kind, message) = match trouble {
        Trouble::Nondeterminism(message) => ("determinism", "nondeterminism", message),
        Trouble::Infrastructure(message) => ("infrastructure", "infra", message),
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind);
    status.set_message(message.lines().next().unwrap_or_default());
    status.set_description(message);
    let mut case = TestCase::new(name, status);
    case.set_classname(&test.test);
    case
}
