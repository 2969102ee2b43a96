# Compares three snapshots that were taken one after the other: ours, PoolMon's, ours. Each tag that all three have must have, in PoolMon's,
# allocations between those of ours (they only grow), and at least 99 of 100 tags must be in all.
param([Parameter(Mandatory)][string]$Ours, [Parameter(Mandatory)][string]$Theirs)
$ErrorActionPreference = 'Stop'
$folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
New-Item -ItemType Directory $folder | Out-Null
function Snapshot([string]$program, [string]$name) {
    $file = Join-Path $folder $name
    & $program -n $file | Out-Null
    if (-not (Test-Path $file)) { throw "$program wrote no snapshot" }
    $rows = @{}
    # " Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc": a tag may hold blanks, so it is taken by its place.
    foreach ($line in Get-Content $file) {
        if ($line -match '^ (.{4}) (Paged|Nonp) +(\d+) ') { $rows["$($Matches[1].Replace("_", " "))|$($Matches[2])"] = [uint64]$Matches[3] }
    }
    if ($rows.Count -lt 500) { throw "${program}: only $($rows.Count) rows were understood" }
    $rows
}
$before = Snapshot $Ours 'before.log'
$other = Snapshot $Theirs 'other.log'
$after = Snapshot $Ours 'after.log'
$shared = $other.Keys | Where-Object { $before.ContainsKey($_) -and $after.ContainsKey($_) }
# Counters of 32 bits begin again at 0: those rows say nothing.
$wrong = $shared | Where-Object { $after[$_] -ge $before[$_] -and ($other[$_] -lt $before[$_] -or $other[$_] -gt $after[$_]) }
Write-Output "$($other.Count) rows of PoolMon, $($shared.Count) in all three snapshots, $(@($wrong).Count) outside"
foreach ($key in $wrong) { Write-Output "  ${key}: $($before[$key]) <= $($other[$key]) <= $($after[$key]) does not hold" }
if (@($wrong).Count -gt 0 -or $shared.Count -lt 0.99 * $other.Count) { exit 1 }
