//! For whom archived keys are sealed.

/// Which rule a text breaks, if any. Whether each word is a recipient to the last letter is for whoever
/// seals to say.
pub(super) fn rule(text: &str) -> Option<String> {
    let is_one = |word: &str| {
        word.starts_with("age1")
            && word.len() == 62
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let sound = shell_words::split(text).is_ok_and(|words| words.iter().all(|it| is_one(it)));
    let rule = "give age1… words of 62 letters and digits, as age-keygen prints them";
    (!sound).then(|| rule.to_owned())
}
