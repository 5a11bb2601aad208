//! Official documents: an agency's own proofs of its bookings, kept as they were received.
//!
//! They are asked for when a citizen looks for them, after the booking. Nothing depends on them: an
//! agency that offers none, or does not answer, leaves the order as it is, and the next look asks
//! again. Never made, changed or rendered here; sealed, because they name people in full.

mod table;

use agency::AgencyError;
use futures::future::join_all;
use kernel::{AccountId, AgencyCode, BillNo, DocumentId, OrderId, OrderNo, Timestamp};
use ring::digest;

use crate::{
    OrderError, Orders, Posting, order::table as order_table, posting::table as posting_table,
};

/// The largest document that is kept. An agency's answer may have 1 MiB as a whole, so this says no
/// only to another protocol.
const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;

/// A document that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    pub id: DocumentId,
    pub agency: AgencyCode,
    pub bill_no: BillNo,
    /// The booking that it proves, by the agency's number.
    pub agency_serial: String,
    pub media_type: String,
    /// SHA-256 of the bytes as received, hexadecimal.
    pub digest: String,
    pub size_bytes: u64,
    pub fetched_at: Timestamp,
}

/// Why a document of a booked bill is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The agency gives none out through this way.
    NotOffered,
    /// The agency has none yet, or did not answer: ask again later.
    NotYet,
    /// Larger than we keep.
    TooLarge,
}

/// What there is for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderDocuments {
    pub stored: Vec<StoredDocument>,
    pub missing: Vec<(AgencyCode, BillNo, Missing)>,
}

impl Orders {
    /// The agencies' documents of an order. Those of booked bills that are not here yet are fetched
    /// first.
    ///
    /// # Errors
    /// [`OrderError::NotFound`] for others' orders. An agency's failure is no error.
    pub async fn official_documents(
        &self,
        account: AccountId,
        order_no: &OrderNo,
    ) -> Result<OrderDocuments, OrderError> {
        let order = order_table::find_by_no(&self.db, account, order_no).await?;
        let here = table::postings_with(&self.db, order.id).await?;
        let postings = posting_table::of_order(&self.db, order.id).await?;
        let wanted: Vec<&Posting> = postings
            .iter()
            .filter(|posting| posting.state.is_booked() && !here.contains(&posting.id))
            .collect();
        let fetched = join_all(wanted.iter().map(|posting| self.fetch(posting))).await;
        let mut missing = Vec::new();
        for (posting, fetched) in wanted.into_iter().zip(fetched) {
            if let Err(why) = fetched? {
                missing.push((posting.agency.clone(), posting.bill_no.clone(), why));
            }
        }
        Ok(OrderDocuments { stored: table::of_order(&self.db, order.id).await?, missing })
    }

    /// The documents of an account's orders that are here, up to `limit`; no agency is asked.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn stored_documents(
        &self,
        account: AccountId,
        limit: u64,
    ) -> Result<Vec<(OrderId, StoredDocument)>, OrderError> {
        table::of_account(&self.db, account, limit).await
    }

    /// One document with its bytes, as they were received.
    ///
    /// # Errors
    /// [`OrderError::DocumentNotFound`] when it is not one of this order, or not here.
    pub async fn official_document(
        &self,
        account: AccountId,
        order_no: &OrderNo,
        id: DocumentId,
    ) -> Result<(StoredDocument, Vec<u8>), OrderError> {
        let order = order_table::find_by_no(&self.db, account, order_no).await?;
        let (document, sealed) =
            table::find(&self.db, order.id, id).await?.ok_or(OrderError::DocumentNotFound)?;
        let content = self.cipher.open(&table::context(id), &sealed)?;
        let whole = hex::encode(digest::digest(&digest::SHA256, &content)) == document.digest;
        if !whole {
            let row = id.to_string();
            return Err(OrderError::Row { table: "official_documents", column: "digest", row });
        }
        Ok((document, content))
    }

    /// Asks the agency and stores what it gives. Two who ask at the same time store it once.
    async fn fetch(&self, posting: &Posting) -> Result<Result<(), Missing>, OrderError> {
        let Some(posted) = &posting.posted else { return Ok(Err(Missing::NotYet)) };
        let Ok(agency) = self.directory.agency(&posting.agency) else {
            return Ok(Err(Missing::NotOffered));
        };
        let received = match agency.fetch_document(&posting.agency, &posted.agency_serial).await {
            Ok(received) => received,
            Err(error) => {
                tracing::info!(agency.code = %posting.agency, %error, "no official document");
                return Ok(Err(match error {
                    AgencyError::Misconfigured(_) => Missing::NotOffered,
                    AgencyError::Objection(_) | AgencyError::NotSent | AgencyError::Unknown(_) => {
                        Missing::NotYet
                    }
                }));
            }
        };
        if received.content.len() > DOCUMENT_BYTES_MAX {
            return Ok(Err(Missing::TooLarge));
        }
        let now = self.clock.now();
        let document = StoredDocument {
            id: DocumentId::generate(now, &*self.entropy),
            agency: posting.agency.clone(),
            bill_no: posting.bill_no.clone(),
            agency_serial: posted.agency_serial.clone(),
            media_type: received.media_type,
            digest: hex::encode(digest::digest(&digest::SHA256, &received.content)),
            size_bytes: received.content.len() as u64,
            fetched_at: now,
        };
        let sealed = self.cipher.seal(&table::context(document.id), &received.content);
        table::insert(&self.db, posting, &document, sealed).await?;
        metrics::counter!("official_documents_stored").increment(1);
        Ok(Ok(()))
    }
}
