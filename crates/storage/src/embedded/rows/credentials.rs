//! Credentials, their evidence, and what many of them share.

use aws_lc_rs::digest::{Context, SHA256};
use domain::model::clock::Timestamp;
use domain::model::credential::{CredentialRecord, Evidence, NewCredential};
use domain::model::ids::{CredentialKey, RelyingPartyId, UserId};
use domain::model::policy::Selection;
use domain::store::Fault;
use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{Aaguid, CredentialId, UserHandle};

use super::columns::{from_json, json};
use crate::embedded::evidence::{Known, Parts, pack, unpack};
use crate::embedded::seals::{self, seal};
use crate::embedded::sql::{Failure, Outcome, execute, first};
use crate::images::{id_hash, text_id};

/// What of that is in the row of a credential, where it must be the only one of the Relying Party.
pub(in crate::embedded) fn row_hash(id_hash: &[u8; 32]) -> &[u8] {
    &id_hash[..16]
}

/// The digest that credentials had until format 13, of the Relying Party, key, owner, algorithm, id and public key.
pub(in crate::embedded) fn credential_digest_13(
    columns: [ValueRef<'_>; 6],
) -> Result<[u8; 16], FromSqlError> {
    let [rp, key, user, algorithm, id, public_key] = columns;
    let mut context = Context::new(&SHA256);
    for column in [rp, key, user] {
        context.update(column.as_blob()?);
    }
    context.update(&algorithm.as_i64()?.to_be_bytes());
    for column in [id, public_key] {
        let bytes = column.as_blob()?;
        context.update(&bytes.len().to_be_bytes());
        context.update(bytes);
    }
    let mut kept = [0; 16];
    kept.copy_from_slice(&context.finish().as_ref()[..16]);
    Ok(kept)
}

/// A credential with what belongs to it, ready to be written.
pub(in crate::embedded) struct CredentialRow {
    pub(in crate::embedded) record: CredentialRecord,
    pub(in crate::embedded) id_hash: [u8; 32],
    transports: String,
    kind: String,
    evidence: Option<Vec<u8>>,
}

/// What many credentials of a Relying Party have in common, as JSON in `credential_kinds`.
#[derive(Serialize)]
struct KindBody<'a> {
    attestation_format: &'a str,
    attestation_type: &'a str,
    trust: &'a str,
    selection: &'a Selection,
}

/// The same, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    attestation_format: String,
    attestation_type: String,
    trust: String,
    selection: Selection,
}

impl CredentialRow {
    pub(in crate::embedded) fn new(credential: &NewCredential) -> Result<Self, Fault> {
        Self::of(credential.record().clone(), Some(&credential.evidence()))
    }

    /// A credential that may come without evidence.
    pub(in crate::embedded) fn of(
        record: CredentialRecord,
        evidence: Option<&Evidence>,
    ) -> Result<Self, Fault> {
        let evidence = evidence.map(|evidence| -> Result<_, Fault> {
            let extensions = evidence.extensions.as_ref().map(json).transpose()?;
            let known = Known {
                rp_id: record.selection.rp_id.as_str(),
                id: record.id.as_bytes(),
                public_key: &record.public_key,
            };
            let parts = Parts {
                attestation_object: &evidence.attestation_object,
                client_data_json: &evidence.client_data_json,
                extensions: extensions.as_deref(),
            };
            Ok(pack(known, &parts))
        });
        let kind = KindBody {
            attestation_format: &record.attestation_format,
            attestation_type: &record.attestation_type,
            trust: &record.trust,
            selection: &record.selection,
        };
        Ok(Self {
            id_hash: id_hash(&record.id),
            transports: json(&record.transports)?,
            kind: json(&kind)?,
            evidence: evidence.transpose()?,
            record,
        })
    }

    /// The number of what it has in common with others, which is written if it is the first.
    fn kind(&self, connection: &Connection) -> Outcome<i64> {
        let (rp, image) = (self.record.relying_party.0, text_id(&self.kind));
        let sql = "SELECT id FROM credential_kinds WHERE relying_party_id = ?1 AND image = ?2";
        if let Some(id) = first(connection, sql, [rp, image], |row| Ok(row.get(0)?))? {
            return Ok(id);
        }
        execute(
            connection,
            "INSERT INTO credential_kinds (relying_party_id, image, body) VALUES (?1, ?2, ?3)",
            params![rp, image, self.kind],
        )?;
        let id = connection.last_insert_rowid();
        execute(
            connection,
            concat!(
                "UPDATE credential_kinds SET digest = ",
                seal!(credential_kinds, ""),
                " WHERE id = ?1"
            ),
            [id],
        )?;
        Ok(id)
    }

    pub(in crate::embedded) fn insert(&self, connection: &Connection) -> Outcome<()> {
        let record = &self.record;
        execute(
            connection,
            "INSERT INTO credentials (relying_party_id, id_hash, key, user_id, id, public_key, algorithm, \
             sign_count, uv_initialized, backup_eligible, backup_state, transports, aaguid, kind, \
             discoverable, name, created, updated, last_used, user_agent, sign_count_since_fall, user_handle, digest, use_digest) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
             CASE WHEN ?22 IS NULL THEN seal('credentials', ?1, ?3, ?4, ?5, ?6, ?7, ?12, ?13, ?14, ?15, ?16, ?17, ?20) \
             ELSE seal('credentials', ?1, ?3, ?4, ?5, ?6, ?7, ?12, ?13, ?14, ?15, ?16, ?17, ?20, ?22) END, \
             seal('uses', ?1, ?2, ?8, ?21, ?9, ?10, ?11))",
            params![
                record.relying_party.0,
                row_hash(&self.id_hash),
                record.key.0,
                record.user.0,
                record.id.as_bytes(),
                &*record.public_key,
                record.algorithm.0,
                record.sign_count,
                record.uv_initialized,
                record.backup_eligible,
                record.backup_state,
                self.transports,
                record.aaguid.as_bytes(),
                self.kind(connection)?,
                record.discoverable,
                record.name,
                record.created.0,
                record.updated.0,
                record.last_used.map(|t| t.0),
                record.user_agent,
                record.sign_count_since_fall,
                record.user_handle.as_ref().map(UserHandle::as_bytes),
            ],
        )?;
        let Some(evidence) = &self.evidence else {
            return Ok(());
        };
        execute(
            connection,
            "INSERT INTO attestations (number, evidence, digest) VALUES (?1, ?2, seal('attestations', ?3, ?4, ?2))",
            params![
                connection.last_insert_rowid(),
                evidence,
                record.relying_party.0,
                record.key.0,
            ],
        )?;
        Ok(())
    }
}

/// What the credential, whose kind is in this column, has in common with others.
fn kind(row: &Row<'_>, column: usize) -> Outcome<Kind> {
    from_json(row, column, "the kind of a credential")
}

/// The evidence in a row: packed, then id, public key and kind of its credential.
pub(in crate::embedded) fn evidence(row: &Row<'_>) -> Outcome<Evidence> {
    let bytes = |column| -> Outcome<&[u8]> {
        let found = row.get_ref(column)?.as_blob();
        found.map_err(|_| Failure::unreadable("the evidence of a registration"))
    };
    seals::check(row, 4, "attestations")?;
    let kind = kind(row, 3)?;
    let known = Known {
        rp_id: kind.selection.rp_id.as_str(),
        id: bytes(1)?,
        public_key: bytes(2)?,
    };
    unpack(known, bytes(0)?)
}

/// The credential whose columns begin at `at`.
pub(in crate::embedded) fn credential(row: &Row<'_>, at: usize) -> Outcome<CredentialRecord> {
    seals::check(row, at + 18, "credentials")?;
    let kind = kind(row, at + 12)?;
    Ok(CredentialRecord {
        relying_party: RelyingPartyId(row.get(at)?),
        key: CredentialKey(row.get(at + 1)?),
        user: UserId(row.get(at + 2)?),
        id: CredentialId::new(row.get(at + 3)?)
            .map_err(|_| Failure::unreadable("credential id"))?,
        public_key: row.get::<_, Vec<u8>>(at + 4)?.into(),
        algorithm: CoseAlgorithm(row.get(at + 5)?),
        sign_count: row.get(at + 6)?,
        sign_count_since_fall: row.get(at + 20)?,
        uv_initialized: row.get(at + 7)?,
        backup_eligible: row.get(at + 8)?,
        backup_state: row.get(at + 9)?,
        transports: from_json(row, at + 10, "transports of a credential")?,
        aaguid: Aaguid::new(row.get(at + 11)?),
        attestation_format: kind.attestation_format,
        attestation_type: kind.attestation_type,
        trust: kind.trust,
        discoverable: row.get(at + 13)?,
        name: row.get(at + 14)?,
        selection: kind.selection,
        created: Timestamp(row.get(at + 15)?),
        updated: Timestamp(row.get(at + 16)?),
        last_used: row.get::<_, Option<i64>>(at + 17)?.map(Timestamp),
        user_agent: row.get(at + 19)?,
        user_handle: row
            .get::<_, Option<Vec<u8>>>(at + 21)?
            .map(UserHandle::new)
            .transpose()
            .map_err(|_| Failure::unreadable("user handle"))?,
    })
}
