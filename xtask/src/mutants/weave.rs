//! Many faults in one text, each behind a question whether it is awake.
//!
//! Where a fault changes `a < b` into `a > b`, the text becomes `(if awake(7) {a > b} else {a < b})`. Within a
//! fault no other is asked for: only one is ever awake. Comments mark what belongs to which fault, by which an
//! error of the compiler finds the one to leave out.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::list::{Genre, Mutant, Place};

/// A part of the text that is asked for: where it lies, and the faults in it by number.
struct Spot {
    range: Range<usize>,
    kind: Kind,
    faults: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An expression.
    Expression,
    /// The statements of a function.
    Body,
    /// The guard of an arm which as a whole may be left out, by that number.
    GuardOfArm(usize),
    /// The place behind the pattern of an arm without a guard.
    Arm(usize),
}

/// `text` with those of `mutants` that are in it; their numbers are their places in the list.
pub(crate) fn weave(text: &str, mutants: &[(usize, &Mutant)]) -> Result<String, String> {
    let file = syn::parse_file(text).map_err(|error| error.to_string())?;
    let mut found = Found::default();
    found.visit_file(&file);
    let lines = Lines::of(text);
    let mut spots: BTreeMap<(usize, usize), Spot> = BTreeMap::new();
    for (number, mutant) in mutants {
        let Some((range, kind)) = spot(mutant, *number, &found, &lines) else { continue };
        let key = (range.start, usize::MAX - range.end);
        let spot = spots.entry(key).or_insert(Spot { range, kind, faults: Vec::new() });
        match kind {
            Kind::Expression | Kind::Body => spot.faults.push(*number),
            Kind::GuardOfArm(_) | Kind::Arm(_) => spot.kind = kind,
        }
    }
    let spots: Vec<Spot> = spots.into_values().collect();
    let by_number: BTreeMap<usize, &Mutant> = mutants.iter().copied().collect();
    Ok(Loom { text, lines: &lines, spots: &spots, mutants: &by_number }.render(0..text.len()))
}

/// What has to be asked for: the expression around an operator, the arm around a guard.
fn spot(
    mutant: &Mutant,
    number: usize,
    found: &Found,
    lines: &Lines,
) -> Option<(Range<usize>, Kind)> {
    let own = lines.offset(mutant.from)..lines.offset(mutant.to);
    let expression = |places: &BTreeMap<Place, (Place, Place)>| {
        let (from, to) = places.get(&mutant.from)?;
        Some((lines.offset(*from)..lines.offset(*to), Kind::Expression))
    };
    match mutant.genre {
        Genre::FnValue => Some((own, Kind::Body)),
        Genre::MatchArmGuard => Some((own, Kind::Expression)),
        Genre::BinaryOperator => expression(&found.binaries),
        Genre::UnaryOperator => expression(&found.unaries),
        Genre::StructField => expression(&found.fields),
        Genre::MatchArm => match found.arms.get(&mutant.from)? {
            Arm { guard: Some((from, to)), .. } => {
                Some((lines.offset(*from)..lines.offset(*to), Kind::GuardOfArm(number)))
            }
            Arm { pattern, guard: None } => {
                let end = lines.offset(*pattern);
                Some((end..end, Kind::Arm(number)))
            }
        },
    }
}

struct Loom<'a> {
    text: &'a str,
    lines: &'a Lines,
    spots: &'a [Spot],
    mutants: &'a BTreeMap<usize, &'a Mutant>,
}

impl Loom<'_> {
    fn render(&self, range: Range<usize>) -> String {
        self.within(range, 0).0
    }

    /// The text of `range` with the spots from number `next` on that lie in it; and the first that does not.
    fn within(&self, range: Range<usize>, mut next: usize) -> (String, usize) {
        let mut out = String::new();
        let mut at = range.start;
        while let Some(spot) = self.spots.get(next).filter(|spot| spot.range.start <= range.end) {
            if spot.range.end > range.end || spot.range.start < at {
                break;
            }
            out.push_str(&self.text[at..spot.range.start]);
            let (inner, after) = self.within(spot.range.clone(), next + 1);
            out.push_str(&self.asked(spot, &inner));
            at = spot.range.end;
            next = after;
        }
        out.push_str(&self.text[at..range.end]);
        (out, next)
    }

    fn asked(&self, spot: &Spot, inner: &str) -> String {
        let numbers: Vec<String> = spot.faults.iter().map(usize::to_string).collect();
        let mut out = format!("/*(any:{}*/", numbers.join(","));
        for number in &spot.faults {
            let body = self.mutated(spot, *number);
            out.push_str(&format!(
                "/*(one:{number}*/if crate::awake::is({number}) {{ {body} }} else /*)*/"
            ));
        }
        let asked = format!("{out}{{ {inner} }}/*)*/");
        let woven = if spot.faults.is_empty() { inner.to_owned() } else { asked };
        match spot.kind {
            Kind::Body => woven,
            Kind::Expression => format!("({woven})"),
            Kind::GuardOfArm(number) => {
                format!("/*(any:{number}*/!crate::awake::is({number}) && ({woven})/*)*/")
            }
            Kind::Arm(number) => format!("/*(any:{number}*/ if !crate::awake::is({number})/*)*/"),
        }
    }

    fn mutated(&self, spot: &Spot, number: usize) -> String {
        let mutant = self.mutants[&number];
        let (from, to) = (self.lines.offset(mutant.from), self.lines.offset(mutant.to));
        let (before, after) = (&self.text[spot.range.start..from], &self.text[to..spot.range.end]);
        format!("{before}{}{after}", mutant.replacement)
    }
}

/// Which faults the place `at` of a woven text belongs to: the innermost that is marked there.
pub(crate) fn faults_at(woven: &str, at: usize) -> Vec<usize> {
    let mut open: Vec<Vec<usize>> = Vec::new();
    let mut from = 0;
    while let Some(mark) = woven[from..].find("/*").map(|it| from + it).filter(|it| *it <= at) {
        let rest = &woven[mark + 2..];
        from = mark + 2;
        if rest.starts_with(")*/") {
            open.pop();
        } else if let Some((_, numbers)) =
            rest.strip_prefix('(').and_then(|it| it.split_once("*/")?.0.split_once(':'))
        {
            open.push(numbers.split(',').filter_map(|it| it.parse().ok()).collect());
        }
    }
    open.pop().unwrap_or_default()
}

/// The faults that leave out an arm of the `match` that begins before the place `at` of a woven text.
pub(crate) fn arms_at(woven: &str, at: usize) -> Vec<usize> {
    let arms = woven[at..].split_once('{').map_or("", |(_, arms)| arms);
    let mut depth = 1;
    let end = arms.find(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        depth == 0
    });
    let asks = arms[..end.unwrap_or(arms.len())].split("!crate::awake::is(").skip(1);
    asks.filter_map(|ask| ask.split_once(')')?.0.parse().ok()).collect()
}

/// Where operators, arms and fields stand, and what is around them.
#[derive(Default)]
struct Found {
    binaries: BTreeMap<Place, (Place, Place)>,
    unaries: BTreeMap<Place, (Place, Place)>,
    fields: BTreeMap<Place, (Place, Place)>,
    arms: BTreeMap<Place, Arm>,
}

struct Arm {
    /// Behind its pattern.
    pattern: Place,
    guard: Option<(Place, Place)>,
}

fn place(at: LineColumn) -> Place {
    Place { line: at.line, column: at.column + 1 }
}

fn both(span: Span) -> (Place, Place) {
    (place(span.start()), place(span.end()))
}

impl<'ast> Visit<'ast> for Found {
    fn visit_expr_binary(&mut self, it: &'ast syn::ExprBinary) {
        self.binaries.insert(place(it.op.span().start()), both(it.span()));
        visit::visit_expr_binary(self, it);
    }

    fn visit_expr_unary(&mut self, it: &'ast syn::ExprUnary) {
        self.unaries.insert(place(it.op.span().start()), both(it.span()));
        visit::visit_expr_unary(self, it);
    }

    fn visit_expr_struct(&mut self, it: &'ast syn::ExprStruct) {
        for field in &it.fields {
            self.fields.insert(place(field.span().start()), both(it.span()));
        }
        visit::visit_expr_struct(self, it);
    }

    fn visit_arm(&mut self, it: &'ast syn::Arm) {
        let guard = it.guard.as_ref().map(|(_, guard)| both(guard.span()));
        let arm = Arm { pattern: place(it.pat.span().end()), guard };
        self.arms.insert(place(it.span().start()), arm);
        visit::visit_arm(self, it);
    }
}

/// Where each line begins.
struct Lines {
    starts: Vec<usize>,
    text: String,
}

impl Lines {
    fn of(text: &str) -> Lines {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { starts: [0].into_iter().chain(ends).collect(), text: text.to_owned() }
    }

    fn offset(&self, place: Place) -> usize {
        let start = self.starts.get(place.line - 1).copied().unwrap_or(self.text.len());
        let line = self.text[start..].char_indices().nth(place.column - 1);
        line.map_or(self.text.len(), |(at, _)| start + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(genre: Genre, from: (usize, usize), to: (usize, usize), replacement: &str) -> Mutant {
        let place = |(line, column)| Place { line, column };
        Mutant {
            name: String::new(),
            file: String::new(),
            genre,
            from: place(from),
            to: place(to),
            replacement: replacement.to_owned(),
        }
    }

    fn woven(text: &str, mutants: &[Mutant]) -> String {
        let numbered: Vec<_> = mutants.iter().enumerate().collect();
        weave(text, &numbered).expect("it is Rust")
    }

    /// As it is read by a person: without marks, and with a short question.
    fn plain(woven: &str) -> String {
        let mut out = woven.replace("crate::awake::is", "is");
        while let Some(from) = out.find("/*") {
            let to = out[from..].find("*/").expect("a mark ends") + from + 2;
            out.replace_range(from..to, "");
        }
        out
    }

    #[test]
    fn an_operator_is_asked_for_with_what_is_around_it() {
        let text = "fn f(é: u8) -> bool { g(é < 2) }";
        let faults = [
            mutant(Genre::BinaryOperator, (1, 27), (1, 28), "=="),
            mutant(Genre::BinaryOperator, (1, 27), (1, 28), ">"),
        ];
        let expected = "fn f(é: u8) -> bool { g((if is(0) { é == 2 } else if is(1) { é > 2 } else { é < 2 })) }";
        assert_eq!(plain(&woven(text, &faults)), expected);
    }

    #[test]
    fn what_is_within_is_asked_for_only_where_nothing_around_it_is_awake() {
        let text = "fn f() -> bool { g(!a && b) }";
        let faults = [
            mutant(Genre::FnValue, (1, 18), (1, 28), "true"),
            mutant(Genre::BinaryOperator, (1, 23), (1, 25), "||"),
            mutant(Genre::UnaryOperator, (1, 20), (1, 21), ""),
        ];
        let expected = "fn f() -> bool { if is(0) { true } else { g((if is(1) { !a || b } else { (if is(2) { a } else { !a }) && b })) } }";
        assert_eq!(plain(&woven(text, &faults)), expected);
    }

    #[test]
    fn an_arm_that_is_left_out_has_a_guard_that_says_no() {
        let text = "fn f() { match x { A => 1, B if c => 2, _ => 3 }; }";
        let faults = [
            mutant(Genre::MatchArm, (1, 20), (1, 27), ""),
            mutant(Genre::MatchArm, (1, 28), (1, 40), ""),
            mutant(Genre::MatchArmGuard, (1, 33), (1, 34), "true"),
        ];
        let woven = woven(text, &faults);
        let expected = "fn f() { match x { A if !is(0) => 1, B if !is(1) && (if is(2) { true } else { c }) => 2, _ => 3 }; }";
        assert_eq!(plain(&woven), expected);
        assert_eq!(arms_at(&woven, woven.find("match").expect("is there")), [0, 1]);
    }

    #[test]
    fn a_field_that_is_left_out_comes_from_the_base() {
        let text = "fn f() { S { a: 1, ..b } }";
        let faults = [mutant(Genre::StructField, (1, 14), (1, 19), "")];
        let expected = "fn f() { (if is(0) { S {  ..b } } else { S { a: 1, ..b } }) }";
        assert_eq!(plain(&woven(text, &faults)), expected);
    }

    #[test]
    fn a_place_in_the_text_belongs_to_the_innermost_fault() {
        let faults = [
            mutant(Genre::FnValue, (1, 10), (1, 18), "one()"),
            mutant(Genre::BinaryOperator, (1, 14), (1, 15), "-"),
        ];
        let woven = woven("fn f() { g(a + b) }", &faults);
        let at = |what: &str| faults_at(&woven, woven.find(what).expect("is there"));
        assert_eq!(at("fn f"), [0_usize; 0]);
        assert_eq!(at("one()"), [0]);
        assert_eq!(at("a - b"), [1]);
        assert_eq!(at("a + b"), [1]);
    }
}
