WITH failed AS (
    SELECT
        id,
        key,
        coalesce(versionid, '') AS versionid,
        max(replication.ruleid) AS rule,
        max(replication.destinationbucket) AS destination,
        max(replication.operation) AS operation,
        max(replication.failurereason) AS failure_reason,
        min(from_iso8601_timestamp(time)) AS first_seen,
        max(from_iso8601_timestamp(time)) AS last_seen
    FROM verdicts
    WHERE bucket = ? AND day BETWEEN ? AND ? AND verdict = 'ReplicationFailed'
        -- A probe is nobody's document, and gone.
        AND NOT coalesce(probe, false)
    GROUP BY id, key, coalesce(versionid, '')
),
arrived AS (
    SELECT
        bucket,
        key,
        coalesce(versionid, '') AS versionid,
        verdict,
        from_iso8601_timestamp(time) AS told_at
    FROM verdicts
    WHERE bucket = ? AND day BETWEEN ? AND ?
        AND observed.replicationstatus = 'REPLICA'
)
SELECT
    failed.key,
    failed.versionid,
    failed.rule,
    failed.destination,
    failed.operation,
    failed.failure_reason,
    failed.first_seen,
    failed.last_seen,
    min(arrived.told_at) AS arrived,
    max_by(arrived.verdict, arrived.told_at) AS verdict,
    CASE WHEN min(arrived.told_at) IS NULL THEN 'open' ELSE 'replicated since' END AS state,
    failed.id
FROM failed
LEFT JOIN arrived
    ON arrived.bucket = failed.destination
    AND arrived.key = failed.key
    AND arrived.versionid = failed.versionid
    AND arrived.told_at > failed.last_seen
GROUP BY
    failed.key,
    failed.versionid,
    failed.rule,
    failed.destination,
    failed.operation,
    failed.failure_reason,
    failed.first_seen,
    failed.last_seen,
    failed.id
ORDER BY failed.first_seen, failed.key, failed.versionid, failed.id
