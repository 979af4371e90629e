use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use wnm_core::model::{Answer, Now, Request, RequestId, Timestamp, Verb};

use crate::convert::{Row, text};
use crate::error::Cause;
use crate::schema::requests;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = requests, check_for_backend(Sqlite))]
pub(crate) struct RequestRow {
    id: i64,
    verb: String,
    made: i64,
    made_at: String,
    answer: Option<String>,
}

impl RequestRow {
    pub(crate) fn is_open(&self) -> bool {
        self.answer.is_none()
    }

    pub(crate) fn request(&self) -> Result<Request, Cause> {
        let row = Row::of("requests", self.id);
        Ok(Request {
            id: RequestId(self.id),
            verb: row.json("verb", &self.verb)?,
            made: Timestamp(self.made),
            made_at: row.json("made_at", &self.made_at)?,
        })
    }

    pub(crate) fn answer(&self) -> Result<Option<Answer>, Cause> {
        let row = Row::of("requests", self.id);
        self.answer.as_ref().map(|answer| row.json("answer", answer)).transpose()
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = requests, check_for_backend(Sqlite))]
pub(crate) struct NewRequestRow {
    verb: String,
    made: i64,
    made_at: String,
}

impl NewRequestRow {
    pub(crate) fn new(verb: &Verb, now: &Now) -> Result<NewRequestRow, Cause> {
        Ok(NewRequestRow {
            verb: text("verb", verb)?,
            made: now.wall.0,
            made_at: text("made_at", &now.instant)?,
        })
    }
}
