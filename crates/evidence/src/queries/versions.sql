WITH span AS (
    SELECT from_iso8601_timestamp(?) AS written_before
),
source AS (
    SELECT bucket, key, coalesce(version_id, '') AS versionid, replication_status
    FROM source_inventory
    CROSS JOIN span
    WHERE source_bucket = ? AND dt = ?
        AND NOT coalesce(is_delete_marker, false) AND last_modified_date < span.written_before
),
replica AS (
    SELECT bucket, key, coalesce(version_id, '') AS versionid, replication_status, encryption_status
    FROM inventory
    CROSS JOIN span
    WHERE source_bucket = ? AND dt = ?
        AND NOT coalesce(is_delete_marker, false) AND last_modified_date < span.written_before
),
judged AS (
    SELECT
        key,
        coalesce(versionid, '') AS versionid,
        max_by(compliant, from_iso8601_timestamp(time)) FILTER (WHERE compliant IS NOT NULL) AS compliant
    FROM verdicts
    WHERE bucket = ? AND day BETWEEN ? AND ?
        -- A replica that was to go further, and did not: that is no word on how it is encrypted.
        AND verdict NOT IN ('ReplicationFailed', 'ReplicationDelayed', 'ReplicationNotTracked')
    GROUP BY key, coalesce(versionid, '')
),
version AS (
    SELECT
        coalesce(source.key, replica.key) AS key,
        coalesce(source.versionid, replica.versionid) AS versionid,
        source.bucket AS source,
        replica.bucket AS destination,
        coalesce(replica.replication_status, '') = 'REPLICA' AS is_replica,
        judged.compliant IS NOT NULL AS is_judged,
        CASE
            WHEN replica.key IS NULL AND source.replication_status = 'FAILED' THEN 'failed'
            WHEN replica.key IS NULL AND source.replication_status = 'COMPLETED' THEN 'claimed but absent'
            WHEN replica.key IS NULL AND source.replication_status = 'PENDING' THEN 'missing'
            WHEN replica.key IS NULL THEN 'not covered'
            WHEN coalesce(replica.replication_status, '') <> 'REPLICA' THEN 'no replica'
            WHEN coalesce(replica.encryption_status, '') NOT IN ('SSE-KMS', 'DSSE-KMS') THEN 'wrong algorithm'
            WHEN judged.compliant IS NULL THEN 'no verdict'
            WHEN judged.compliant THEN 'compliant'
            ELSE 'finding'
        END AS state
    FROM source
    FULL OUTER JOIN replica ON replica.key = source.key AND replica.versionid = source.versionid
    LEFT JOIN judged ON judged.key = replica.key AND judged.versionid = replica.versionid
)
