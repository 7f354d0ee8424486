SELECT
    verdict,
    compliant,
    count(DISTINCT id) AS findings,
    count(DISTINCT key || chr(10) || coalesce(versionid, '')) AS versions,
    count(*) AS lines
FROM verdicts
WHERE bucket = ? AND day BETWEEN ? AND ?
    -- What the provisioner saw is no verdict.
    AND verdict IS NOT NULL
GROUP BY verdict, compliant
ORDER BY verdict
