<?php
// Horde's ActiveSync server with our small mailbox behind it: what `php -S` calls for every request.
// EASGATE_HORDE_FOLDER is the folder of this run. Called as a program it makes the tables instead.
require_once 'Horde/Autoloader/Default.php';
require_once __DIR__ . '/mailbox_driver.php';

$folder = getenv('EASGATE_HORDE_FOLDER');
$database = new Horde_Db_Adapter_Pdo_Sqlite(['dbname' => "$folder/state.sqlite", 'charset' => 'utf-8']);

if (PHP_SAPI === 'cli') {
    (new Horde_Db_Migration_Migrator($database, null, [
        'migrationsPath' => '/usr/share/php/data/Horde_ActiveSync/migration',
        'schemaTableName' => 'horde_activesync_schema_info',
    ]))->up();
    exit(0);
}

// One JSON line a request, before it is answered: what passed the gate, and how it arrived.
$line = json_encode([
    'method' => $_SERVER['REQUEST_METHOD'],
    'target' => $_SERVER['REQUEST_URI'],
    'user' => $_SERVER['PHP_AUTH_USER'] ?? '',
    'coding' => $_SERVER['HTTP_TRANSFER_ENCODING'] ?? '',
    'length' => $_SERVER['HTTP_CONTENT_LENGTH'] ?? '',
    'body' => strlen(file_get_contents('php://input')),
]);
file_put_contents("$folder/log/requests", "$line\n", FILE_APPEND | LOCK_EX);

$state = new Horde_ActiveSync_State_Sql(['db' => $database]);
$driver = new MailboxDriver([
    'state' => $state,
    'mail' => "$folder/mail",
    'newest' => "$folder/newest_version",
    // How often a held Ping looks, and what it may ask for, in seconds.
    'ping' => ['heartbeatmin' => 1, 'heartbeatmax' => 120, 'heartbeatdefault' => 60, 'waitinterval' => 1],
]);
$request = new Horde_Controller_Request_Http();
$server = new Horde_ActiveSync(
    $driver,
    new Horde_ActiveSync_Wbxml_Decoder(fopen('php://input', 'r')),
    new Horde_ActiveSync_Wbxml_Encoder(fopen('php://output', 'w')),
    $state,
    $request
);
$server->setLogger(new Horde_ActiveSync_Log_Factory(
    ['type' => 'onefile', 'path' => "$folder/log/activesync", 'level' => 'META']
));
$rpc = new Horde_Rpc_ActiveSync($request, ['server' => $server]);
$rpc->sendOutput($rpc->getResponse(null));
