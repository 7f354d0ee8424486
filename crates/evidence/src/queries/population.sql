SELECT
    verdict,
    count(*) AS versions,
    count_if(is_late) AS late
FROM version
GROUP BY verdict
ORDER BY verdict
