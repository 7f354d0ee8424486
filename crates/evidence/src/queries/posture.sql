WITH told AS (
    SELECT
        key,
        coalesce(versionid, '') AS versionid,
        verdict,
        compliant IS NOT NULL OR verdict IN ('Gone', 'NotReplica') AS is_word,
        from_iso8601_timestamp(time) AS told_at
    FROM verdicts
    WHERE bucket = ? AND day BETWEEN ? AND ?
        AND verdict NOT IN ('ReplicationFailed', 'ReplicationDelayed', 'ReplicationNotTracked')
        -- A probe is nobody's document, and gone.
        AND NOT coalesce(probe, false)
),
version AS (
    SELECT
        key,
        versionid,
        coalesce(max_by(verdict, told_at) FILTER (WHERE is_word), max_by(verdict, told_at)) AS verdict
    FROM told
    GROUP BY key, versionid
)
SELECT
    verdict,
    count(*) AS versions
FROM version
GROUP BY verdict
ORDER BY verdict
