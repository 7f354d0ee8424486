WITH span AS (
    SELECT from_iso8601_timestamp(?) AS written_from, from_iso8601_timestamp(?) AS written_before
),
replica AS (
    SELECT key, coalesce(version_id, '') AS versionid, last_modified_date AS written
    FROM inventory
    CROSS JOIN span
    WHERE source_bucket = ? AND dt = ?
        AND replication_status = 'REPLICA' AND NOT coalesce(is_delete_marker, false)
        AND last_modified_date >= span.written_from AND last_modified_date < span.written_before
),
judged AS (
    SELECT
        key,
        coalesce(versionid, '') AS versionid,
        max_by(verdict, from_iso8601_timestamp(time)) FILTER (WHERE compliant IS NOT NULL) AS verdict,
        max_by(verdict, from_iso8601_timestamp(time)) AS last_told,
        min(from_iso8601_timestamp(time)) FILTER (WHERE compliant IS NOT NULL) AS first_judged
    FROM verdicts
    WHERE bucket = ? AND day BETWEEN ? AND ?
        AND verdict NOT IN ('ReplicationFailed', 'ReplicationDelayed', 'ReplicationNotTracked')
    GROUP BY key, coalesce(versionid, '')
),
version AS (
    SELECT
        replica.key AS key,
        replica.versionid AS versionid,
        coalesce(judged.verdict, judged.last_told, 'no verdict') AS verdict,
        -- A replica bears the time of its source version.
        coalesce(judged.first_judged > replica.written + INTERVAL '1' HOUR, false) AS is_late
    FROM replica
    LEFT JOIN judged ON judged.key = replica.key AND judged.versionid = replica.versionid
)
