//! A node's property list as text: a pure function.

use wnm_core::model::{NodeId, NodeSpec};

/// What `launchctl` waits after it has asked a job to end; see the unit's TimeoutStopSec.
pub(super) const STOP_SECONDS: u64 = 90;

/// Labels are reversed names of who made the job.
const PREFIX: &str = "com.autonomi.wnm.";

/// In the second line of every property list of ours.
const MARK: &str = "Made by wnm. Changes are overwritten; use `wnm config` instead.";

/// The same of one that was released: it is not ours any more.
const RELEASED: &str = "Made by wnm and released: it is yours, and wnm leaves it alone.";

pub(super) fn label(id: NodeId) -> String {
    format!("{PREFIX}{id}")
}

/// The node that a job of this label belongs to.
pub(super) fn id_of(label: &str) -> Option<NodeId> {
    let name = label.strip_prefix(PREFIX)?;
    // A bare number is a fine way to name a node on the command line, but no job of ours.
    name.starts_with("antnode").then(|| name.parse().ok()).flatten()
}

pub(super) fn is_ours(text: &str) -> bool {
    text.lines().take(3).any(|line| line.contains(MARK))
}

/// Whether it was, and was released.
pub(super) fn is_released(text: &str) -> bool {
    text.lines().take(3).any(|line| line.contains(RELEASED))
}

/// A list of ours as it is left to its user: nothing else of it changes.
pub(super) fn released(text: &str) -> String {
    text.replacen(MARK, RELEASED, 1)
}

/// The whole property list.
///
/// - `KeepAlive` because a program that upgraded itself exits cleanly and wants to be started; a node
///   is stopped by taking its job away, not by ending its process.
/// - `LimitLoadToSessionType` because nodes are for nobody's screen, and are to run without one.
///
/// `user` is whom the node runs as under the machine's own launchd.
pub(super) fn render(spec: &NodeSpec, user: Option<&str>) -> String {
    let program = std::iter::once(spec.binary.to_string_lossy().into_owned());
    let arguments: Vec<String> = program.chain(spec.program.arguments(spec)).collect();
    let output = spec.logs.join("output.log").to_string_lossy().into_owned();
    let mut list = List::new();
    list.text("Label", &label(spec.id));
    list.array("ProgramArguments", &arguments);
    match user {
        Some(user) => {
            list.text("UserName", user);
            list.text("GroupName", user);
        }
        None => list.text("LimitLoadToSessionType", "Background"),
    }
    if !spec.launch.environment.is_empty() {
        list.dictionary("EnvironmentVariables", &spec.launch.environment);
    }
    list.text("WorkingDirectory", &spec.data.to_string_lossy());
    list.text("StandardOutPath", &output);
    list.text("StandardErrorPath", &output);
    list.flag("KeepAlive", true);
    list.number("ThrottleInterval", 10);
    list.number("ExitTimeOut", STOP_SECONDS);
    // 077, for launchd counts in tens.
    list.number("Umask", 0o077);
    list.flag("AbandonProcessGroup", false);
    list.text("ProcessType", "Standard");
    list.finish()
}

struct List(String);

impl List {
    fn new() -> List {
        List(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- {MARK} -->\n<!DOCTYPE plist PUBLIC \
             \"-//Apple//DTD PLIST 1.0//EN\" \
             \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n"
        ))
    }

    fn key(&mut self, key: &str) {
        self.0 += &format!("\t<key>{}</key>\n", escape(key));
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.0 += &format!("\t<string>{}</string>\n", escape(text));
    }

    fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        self.0 += &format!("\t<integer>{number}</integer>\n");
    }

    fn flag(&mut self, key: &str, is_set: bool) {
        self.key(key);
        self.0 += if is_set { "\t<true/>\n" } else { "\t<false/>\n" };
    }

    fn array(&mut self, key: &str, texts: &[String]) {
        self.key(key);
        self.0 += "\t<array>\n";
        for text in texts {
            self.0 += &format!("\t\t<string>{}</string>\n", escape(text));
        }
        self.0 += "\t</array>\n";
    }

    fn dictionary(&mut self, key: &str, pairs: &[(String, String)]) {
        self.key(key);
        self.0 += "\t<dict>\n";
        for (key, text) in pairs {
            self.0 +=
                &format!("\t\t<key>{}</key>\n\t\t<string>{}</string>\n", escape(key), escape(text));
        }
        self.0 += "\t</dict>\n";
    }

    fn finish(mut self) -> String {
        self.0 += "</dict>\n</plist>\n";
        self.0
    }
}

/// For text in XML. What XML cannot hold at all is refused before, see [`unfit`].
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            // A reader would turn it into a line feed.
            '\r' => escaped += "&#13;",
            c => escaped.push(c),
        }
    }
    escaped
}

/// A character of the node's words that no property list can hold: XML has no way to write it.
pub(super) fn unfit(spec: &NodeSpec) -> Option<char> {
    let paths =
        [&spec.data, &spec.logs, &spec.binary].map(|path| path.to_string_lossy().into_owned());
    let words = spec.program.arguments(spec);
    let environment = spec.launch.environment.iter().flat_map(|(key, value)| [key, value]);
    let all = paths.iter().chain(&words).chain(environment);
    let is_unfit = |c: &char| {
        let c = *c;
        (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    all.flat_map(|word| word.chars()).find(is_unfit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wnm_core::fakes::build;

    #[test]
    fn a_property_list_of_a_user() {
        let mut spec = build::spec(7);
        spec.launch.environment = vec![("A&B".to_owned(), "<c>\r\n\"d\"".to_owned())];
        spec.launch.start_args = vec!["--x=<&>".to_owned()];
        let text = render(&spec, None);
        let (head, rest) = text.split_once("\t\t<string>--port").expect("arguments");
        let (_, end) = rest.split_once("arbitrum-one</string>\n").expect("arguments");
        insta::assert_snapshot!(without_tabs(head), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- Made by wnm. Changes are overwritten; use `wnm config` instead. -->
        <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
        <plist version="1.0">
        <dict>
          <key>Label</key>
          <string>com.autonomi.wnm.antnode0007</string>
          <key>ProgramArguments</key>
          <array>
            <string>/srv/nodes/antnode0007/ant-node</string>
            <string>--root-dir</string>
            <string>/srv/nodes/antnode0007</string>
        "#);
        insta::assert_snapshot!(without_tabs(end).trim_start(), @r#"
        <string>--x=&lt;&amp;&gt;</string>
          </array>
          <key>LimitLoadToSessionType</key>
          <string>Background</string>
          <key>EnvironmentVariables</key>
          <dict>
            <key>A&amp;B</key>
            <string>&lt;c&gt;&#13;
        "d"</string>
          </dict>
          <key>WorkingDirectory</key>
          <string>/srv/nodes/antnode0007</string>
          <key>StandardOutPath</key>
          <string>/srv/logs/antnode0007/output.log</string>
          <key>StandardErrorPath</key>
          <string>/srv/logs/antnode0007/output.log</string>
          <key>KeepAlive</key>
          <true/>
          <key>ThrottleInterval</key>
          <integer>10</integer>
          <key>ExitTimeOut</key>
          <integer>90</integer>
          <key>Umask</key>
          <integer>63</integer>
          <key>AbandonProcessGroup</key>
          <false/>
          <key>ProcessType</key>
          <string>Standard</string>
        </dict>
        </plist>
        "#);
        assert!(is_ours(&render(&spec, None)));
        assert_eq!(unfit(&spec), None);
    }

    #[test]
    fn a_property_list_of_the_machine() {
        let (user, machine) = (render(&build::spec(7), None), render(&build::spec(7), Some("ant")));
        let of_user = "\t<key>LimitLoadToSessionType</key>\n\t<string>Background</string>\n";
        let of_machine = "\t<key>UserName</key>\n\t<string>ant</string>\n\
                          \t<key>GroupName</key>\n\t<string>ant</string>\n";
        assert_eq!(machine, user.replace(of_user, of_machine));
    }

    fn without_tabs(text: &str) -> String {
        text.replace('\t', "  ")
    }

    #[test]
    fn what_xml_cannot_hold_is_seen() {
        let mut spec = build::spec(7);
        spec.launch.environment = vec![("A".to_owned(), "\u{1b}[1m".to_owned())];
        assert_eq!(unfit(&spec), Some('\u{1b}'));
    }

    #[test]
    fn labels_lead_back_to_nodes() {
        let id = NodeId::new(7).expect("an id");
        assert_eq!(id_of(&label(id)), Some(id));
        for other in ["com.autonomi.wnm.7", "com.apple.antnode0007", "com.autonomi.wnm.antnode"] {
            assert_eq!(id_of(other), None, "{other}");
        }
        assert!(!is_ours("<?xml version=\"1.0\"?>\n<plist/>"));
    }
}
