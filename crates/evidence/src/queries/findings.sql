WITH told AS (
    SELECT
        id,
        key,
        coalesce(versionid, '') AS versionid,
        verdict,
        compliant,
        coalesce(repaired, false) AS repaired,
        observed.kmskeyarn AS kmskeyarn,
        reason,
        from_iso8601_timestamp(time) AS told_at
    FROM verdicts
    WHERE bucket = ? AND day BETWEEN ? AND ? AND verdict <> 'ReplicationFailed'
        -- A probe is nobody's document, and gone.
        AND NOT coalesce(probe, false)
),
found AS (
    SELECT
        id,
        key,
        versionid,
        verdict,
        min(told_at) AS first_seen,
        max(told_at) AS last_seen,
        max_by(kmskeyarn, told_at) AS kmskeyarn,
        max_by(reason, told_at) AS reason
    FROM told
    WHERE compliant = false
    GROUP BY id, key, versionid, verdict
),
later AS (
    SELECT
        found.id,
        min(told.told_at) AS ended,
        max_by(told.verdict, told.told_at) AS last_verdict,
        max_by(told.compliant, told.told_at) AS last_compliant,
        bool_or(told.repaired) AS repaired
    FROM found
    JOIN told ON told.key = found.key AND told.versionid = found.versionid AND told.told_at > found.last_seen
    WHERE told.compliant IS NOT NULL OR told.verdict = 'Gone'
    GROUP BY found.id
)
SELECT
    found.key,
    found.versionid,
    found.verdict,
    found.kmskeyarn,
    found.first_seen,
    found.last_seen,
    CASE
        WHEN later.id IS NULL THEN 'open'
        WHEN later.last_verdict = 'Gone' THEN 'gone'
        WHEN later.last_compliant THEN 'mended'
        ELSE 'another finding'
    END AS state,
    coalesce(later.repaired, false) AS repaired,
    later.ended,
    date_diff('minute', found.first_seen, later.ended) AS open_minutes,
    found.reason,
    found.id
FROM found
LEFT JOIN later ON later.id = found.id
ORDER BY found.first_seen, found.key, found.versionid, found.id
