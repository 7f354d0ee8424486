SELECT
    state,
    count(*) AS versions,
    count_if(is_replica) AS replicas,
    count_if(is_replica AND is_judged) AS judged
FROM version
GROUP BY state
ORDER BY state
