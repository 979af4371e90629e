//! `wnm explain`: the explanation of a plan as JSON and as text. Times are as of the look.

use std::fmt::Write;

use serde::Serialize;
use wnm_core::explain::{Budgets, Explanation, Judgement, NodeStory, Sign};
use wnm_core::host::LastSeen;
use wnm_core::model::{NodeId, NodeRecord, Phase, Want};
use wnm_core::observe::{NodeState, OpRecord};
use wnm_core::plan::PlanScope;

use super::human;

/// Number of this shape; it rises when a script that reads it could break.
const SCHEMA: u32 = 2;
/// Longer lines are broken.
const WIDTH: usize = 100;

/// What there is to say about the last cycle.
pub(crate) struct Explained<'a> {
    pub(crate) last: &'a LastSeen,
    /// Of the whole order of decisions, whatever part of it the last cycle went through.
    pub(crate) explanation: Explanation,
    /// The nodes as they are recorded now, with their latest operations where those were asked for.
    pub(crate) nodes: Vec<(&'a NodeRecord, Option<Vec<OpRecord>>)>,
}

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    schema: u32,
    /// How far the last cycle went; what follows is about a whole one.
    cycle: PlanScope,
    #[serde(flatten)]
    explanation: &'a Explanation,
    /// Latest operations of the nodes that were named.
    journal: Vec<&'a OpRecord>,
    /// Recorded, but not by the time of the look.
    not_looked_at: Vec<NodeId>,
}

impl Explained<'_> {
    fn story(&self, record: &NodeRecord) -> Option<&NodeStory> {
        self.explanation.nodes.iter().find(|story| story.record == record.record)
    }

    pub(super) fn shape(&self) -> Shape<'_> {
        let unseen = self.nodes.iter().filter(|(record, _)| self.story(record).is_none());
        Shape {
            schema: SCHEMA,
            cycle: self.last.plan.scope,
            explanation: &self.explanation,
            journal: self
                .nodes
                .iter()
                .filter_map(|(_, journal)| journal.as_ref())
                .flatten()
                .collect(),
            not_looked_at: unseen.map(|(record, _)| record.spec.id).collect(),
        }
    }

    /// Every rule, then every node in a line.
    pub(super) fn overview(&self) -> String {
        let mut text = self.heading();
        let _ = writeln!(text, "{}", self.explanation.summary);
        let mut group = "";
        for judgement in &self.explanation.rules {
            if judgement.rule.group() != group {
                group = judgement.rule.group();
                let _ = writeln!(text, "\n{group}");
            }
            text += &rule(judgement);
        }
        text.push('\n');
        text += &budgets(&self.explanation.budgets);
        if !self.nodes.is_empty() {
            text.push('\n');
        }
        for (record, _) in &self.nodes {
            text += &wrap(&self.in_a_line(record), "", "    ");
        }
        text
    }

    /// All there is to say about each node.
    pub(super) fn stories(&self) -> String {
        let mut text = self.heading();
        for (record, journal) in &self.nodes {
            text.push('\n');
            text += &wrap(&self.title(record), "", "    ");
            text += &self.story(record).map(story).unwrap_or_default();
            text += &acts(journal.as_deref().unwrap_or_default());
        }
        text
    }

    fn heading(&self) -> String {
        let mut text = format!("as of the last look, {} UTC\n", self.explanation.looked);
        text += match self.last.plan.scope {
            PlanScope::Everything => "",
            PlanScope::RequestsOnly => {
                "that cycle only answered requests; this is what a whole one makes of what it saw\n"
            }
            PlanScope::Nothing => "it only looked; this is what a cycle makes of what it saw\n",
        };
        text
    }

    /// State and want as they are now; what the last cycle set in motion is told.
    fn title(&self, record: &NodeRecord) -> String {
        let (id, now) = (record.spec.id, human::state_word(record, Some(self.last)));
        let Some(story) = self.story(record) else {
            return format!("{id}: recorded after that look; the next cycle looks at it");
        };
        let seen = story.state.name();
        let state = match &story.state {
            _ if now != seen => format!("{now} (seen {seen} before)"),
            NodeState::Mute { missing: why }
            | NodeState::Stopped { why }
            | NodeState::Unknown { why } => format!("{seen} ({why})"),
            _ => seen.to_owned(),
        };
        format!("{id}: {state}, wanted {}", want(record.want))
    }

    fn in_a_line(&self, record: &NodeRecord) -> String {
        let mut parts = vec![self.title(record)];
        if let Some(story) = self.story(record) {
            if story.deaths_last_hour > 0 {
                parts.push(format!("deaths in the last hour: {}", story.deaths_last_hour));
            }
            parts.extend(
                story.planned.iter().map(|it| format!("would {}: {}", it.action, it.reason)),
            );
            parts.extend(story.held_back.iter().map(ToString::to_string));
        }
        parts.join("; ")
    }
}

fn want(want: Want) -> &'static str {
    match want {
        Want::Run => "to run",
        Want::StoppedByOperator => "stopped, by an operator",
        Want::StoppedByPressure => "stopped, for want of resources",
        Want::Disabled => "to be left alone",
    }
}

/// The verdict in front, where the eye looks for it.
fn rule(judgement: &Judgement) -> String {
    let Judgement { rule, ruling, .. } = judgement;
    let first = format!("  {:<9} ", ruling.name());
    let mut text = wrap(&format!("{rule}: {judgement}"), &first, &" ".repeat(16));
    for remark in judgement.remarks() {
        text += &wrap(&remark, &format!("{}- ", " ".repeat(16)), &" ".repeat(18));
    }
    text
}

fn budgets(budget: &Budgets) -> String {
    let stored = match budget.cap == budget.stored_cap {
        true => String::new(),
        false => format!(" (stored: {})", budget.stored_cap),
    };
    format!(
        "nodes: {} of {}{stored}; {} starting, {} removing, {} disabled\nremovals left: {} of {} \
         this hour, for disk {} of {} today\n",
        budget.nodes,
        budget.cap,
        budget.starting,
        budget.removing,
        budget.disabled,
        budget.removals_left_this_hour,
        budget.removals_per_hour,
        budget.disk_removals_left_today,
        budget.disk_removals_per_day,
    )
}

fn story(story: &NodeStory) -> String {
    let signs: Vec<String> = story.signs.iter().map(Sign::to_string).collect();
    let mut text = wrap(&signs.join("; "), "  seen      ", &" ".repeat(12));
    text += &wrap(&measured(story), "  record    ", &" ".repeat(12));
    if let Some(planned) = &story.planned {
        text += &wrap(&planned.to_string(), "  planned   ", &" ".repeat(12));
    }
    for held in &story.held_back {
        text += &wrap(&held.to_string(), "  waits     ", &" ".repeat(12));
    }
    for prospect in &story.prospects {
        text += &wrap(&prospect.to_string(), "  next      ", &" ".repeat(12));
    }
    text
}

fn measured(story: &NodeStory) -> String {
    let mut parts = vec![format!("number {}, created {} UTC", story.record, story.created)];
    match &story.phase {
        Phase::Steady => {}
        Phase::Creating { .. } => parts.push("being created".to_owned()),
        Phase::Starting { .. } => parts.push("last set in motion by a start".to_owned()),
        Phase::Removing { .. } => parts.push("on its way out".to_owned()),
    }
    parts.extend(story.memory.map(|bytes| format!("memory {bytes}")));
    parts.extend(story.disk.map(|bytes| format!("disk {bytes}")));
    parts.extend(story.growth_a_day.map(|bytes| format!("grows {bytes} a day")));
    parts.extend(story.last_start_s.map(|ago| format!("started by wnm {ago} s before the look")));
    let failing = if story.failing { ": failing, tried once an hour" } else { "" };
    parts.push(format!("deaths in the last hour {}{failing}", story.deaths_last_hour));
    parts.join("; ")
}

fn acts(journal: &[OpRecord]) -> String {
    if journal.is_empty() {
        return "  done      nothing yet\n".to_owned();
    }
    let lines = human::history(journal, true);
    lines.lines().map(|line| wrap(line, "  done      ", &" ".repeat(12))).collect()
}

/// Breaks a line between words so that it fits the width; a word that is too long stays whole.
fn wrap(text: &str, first: &str, others: &str) -> String {
    let mut wrapped = String::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            wrapped += line.trim_end();
            wrapped.push('\n');
            line = others.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    wrapped += line.trim_end();
    wrapped.push('\n');
    wrapped
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn long_lines_are_broken_between_words_and_long_words_are_not() {
        let words = "word ".repeat(24);
        insta::assert_snapshot!(wrap(&words, "- ", "  "), @"
        - word word word word word word word word word word word word word word word word word word word
          word word word word word
        ");
        let path = format!("disk:/{} is full", "long/".repeat(22));
        insta::assert_snapshot!(wrap(&path, "- ", "  "), @"
        - disk:/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/
          is full
        ");
        assert_eq!(wrap("", "- ", "  "), "-\n");
    }
}
