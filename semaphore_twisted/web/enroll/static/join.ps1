# Enrolls this machine in the VPN of a Semaphore server.
#
#     $token | & join.ps1 -Url https://HOST [-Ca FILE] [-Name NAME] [-Tunnel NAME]
#
# The key is made here and stays here; the server gets the public one. The token comes
# through the pipeline, so that nobody sees it among the arguments of a command. What
# the server answers is checked line by line before anything is written.
#
# Needed: WireGuard for Windows, and curl.exe, which is a part of Windows.

param(
    [Parameter(Mandatory = $true)][string]$Url,
    [string]$Ca = '',
    [string]$Name = $env:COMPUTERNAME,
    [string]$Tunnel = 'semaphore'
)

$ErrorActionPreference = 'Stop'
$place = 'PRIVATE-KEY-OF-THIS-DEVICE'
$token = "$($input | Select-Object -First 1)".Trim()

if ($token -cnotmatch '\Asmp-enroll-[A-Za-z0-9_-]{43}\z') {
    throw 'What came through the pipeline is not the token of an invite'
}
if ($Url -cnotmatch '\Ahttps://[A-Za-z0-9._~:/%\[\]-]+\z') {
    throw '-Url: an address such as https://vpn.example.net is wanted'
}
if ($Tunnel -cnotmatch '\A[A-Za-z0-9_=+][A-Za-z0-9_=+.-]{0,14}\z') {
    throw '-Tunnel: up to 15 letters, digits and _=+.- are wanted'
}
$Url = $Url.TrimEnd('/')

$programs = Join-Path $env:ProgramFiles 'WireGuard'
$wg = Join-Path $programs 'wg.exe'
$wireguard = Join-Path $programs 'wireguard.exe'
if (-not (Test-Path $wg)) {
    throw "$wg is missing; install WireGuard from https://www.wireguard.com/install first"
}

$folder = Join-Path $env:USERPROFILE 'WireGuard'
$file = Join-Path $folder "$Tunnel.conf"
if (Test-Path $file) {
    Write-Host "$file is there: this machine has joined already."
    Write-Host 'To join anew, remove it, or give another -Tunnel.'
    return
}

# Only this user, the system and administrators may read what is written here.
$null = New-Item -ItemType Directory -Force -Path $folder
$user = [Security.Principal.WindowsIdentity]::GetCurrent().User.Value
$null = icacls.exe $folder /inheritance:r /grant:r "*${user}:(OI)(CI)F" `
    '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F'
if ($LASTEXITCODE) { throw "$folder cannot be kept from others" }

# The key waits in a file until the answer is there: a lost answer can be asked for
# again with the same key only.
$pending = Join-Path $folder ".$Tunnel.pending"
if (Test-Path $pending) {
    $key = (Get-Content -Raw $pending).Trim()
} else {
    $key = "$(& $wg genkey)".Trim()
    [IO.File]::WriteAllText($pending, "$key`n")
}
$public = "$($key | & $wg pubkey)".Trim()

$Name = ($Name -creplace '[^A-Za-z0-9.-]', '-').Trim('-', '.')
if (-not $Name) { $Name = 'machine' }
$body = @{ token = $token; public_key = $public; name = $Name } | ConvertTo-Json -Compress

$answer = Join-Path $folder ".$Tunnel.answer"
$head = Join-Path $folder ".$Tunnel.head"
$options = @('-q', '--silent', '--show-error', '--proto', '=https', '--max-time', '60',
    '--ssl-no-revoke', '--header', 'Content-Type: application/json',
    '--header', 'Accept: text/plain', '--header', 'Expect:', '--output', $answer,
    '--dump-header', $head, '--write-out', '%{http_code}', '--data-binary', '@-')
if ($Ca) { $options += @('--cacert', $Ca) }
try {
    $status = "$($body | & curl.exe @options "$Url/api/vpn/enroll")".Trim()
    if ($LASTEXITCODE) { throw "${Url}: no answer that can be trusted; try again later" }
    $text = [IO.File]::ReadAllText($answer)
    $headers = [IO.File]::ReadAllText($head)
} finally {
    Remove-Item -Force -ErrorAction SilentlyContinue $answer, $head
}
if ($status -cnotin @('200', '201')) {
    $said = 'The server has refused'
    if ($text -cmatch '"error":"((?:[^"\\]|\\.){1,500})"') {
        $said = $Matches[1] -creplace '\\(["\\])', '$1'
    }
    if ($status -cmatch '\A4' -and $status -cne '429') {
        Remove-Item -Force $pending # this key is of no use
    }
    throw "$said ($status)"
}

$fields = 'Address|DNS|MTU|PublicKey|PresharedKey|AllowedIPs|Endpoint|PersistentKeepalive'
$value = '[A-Za-z0-9+/=.:,\[\] -]{1,400}'
$lines = $text.TrimEnd("`n") -split "`n"
foreach ($line in $lines) {
    if ($line -cnotmatch "\A(\[Interface\]|\[Peer\]|PrivateKey = $place|($fields) = $value|)\z") {
        throw 'The answer is not a profile; nothing was written'
    }
}
if (@($lines -ceq "PrivateKey = $place").Count -ne 1) {
    throw 'The answer has no place for the key; nothing was written'
}
[IO.File]::WriteAllText($file, $text.Replace("= $place`n", "= $key`n"))
Remove-Item -Force $pending
Write-Host "Joined as ${Name}: $file"

$me = New-Object Security.Principal.WindowsPrincipal(
    [Security.Principal.WindowsIdentity]::GetCurrent())
if ($me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    & $wireguard /installtunnelservice $file
    if ($LASTEXITCODE) { throw "The tunnel could not be brought up; $file is in order" }
    Write-Host "The tunnel $Tunnel is up."
} else {
    Write-Host "Next: open WireGuard, 'Import tunnel(s) from file', and choose $file"
}
if ($headers -match '(?m)^Semaphore-Applied: *false' -and
    $headers -notmatch '(?m)^Semaphore-State: *pending') {
    throw ('This machine is enrolled, and the VPN of the server does not let it in yet: ' +
        "its administrator has to look at 'semaphore vpn doctor'")
}
