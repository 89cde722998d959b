<?php
/**
 * The mail of alice and bob for Horde's ActiveSync server: a folder for each user, a file for each message,
 * named by its number. Enough for a phone's first sync, a Ping and SendMail; there is nothing else.
 */
class MailboxDriver extends Horde_ActiveSync_Driver_Base
{
    private const USERS = ['alice', 'bob'];
    private const PASSWORD = 'secret';
    private const INBOX = 'inbox';

    // Who, and by which rules.

    public function authenticate($username, $password, $domain = null)
    {
        if (!in_array($username, self::USERS, true) || $password !== self::PASSWORD) {
            return false;
        }
        return parent::authenticate($username, $password, $domain);
    }

    public function getUsernameFromEmail($email)
    {
        return explode('@', $email)[0];
    }

    public function getProvisioning()
    {
        return Horde_ActiveSync::PROVISIONING_FORCE;
    }

    public function getCurrentPolicy()
    {
        return [Horde_ActiveSync_Policies::POLICY_PIN => true, Horde_ActiveSync_Policies::POLICY_MINLENGTH => 6];
    }

    // Horde calls this with each request; a test may have asked for older versions only.
    public function versionCallback(Horde_ActiveSync $server)
    {
        $newest = is_file($this->_params['newest']) ? file_get_contents($this->_params['newest']) : '';
        if ($newest !== '') {
            $server->setSupportedVersion($newest);
        }
    }

    // The one folder.

    public function getFolder($id)
    {
        if ($id !== self::INBOX) {
            throw new Horde_ActiveSync_Exception("no folder $id");
        }
        $folder = new Horde_ActiveSync_Message_Folder();
        $folder->serverid = $folder->_serverid = self::INBOX;
        $folder->parentid = '0';
        $folder->displayname = 'Inbox';
        $folder->type = Horde_ActiveSync::FOLDER_TYPE_INBOX;
        return $folder;
    }

    public function getFolders()
    {
        return [$this->getFolder(self::INBOX)];
    }

    public function getFolderList()
    {
        return [$this->statFolder(self::INBOX, '0', 'Inbox')];
    }

    public function statFolder($id, $parent = 0, $mod = null)
    {
        return ['id' => $id, 'serverid' => $id, 'parent' => $parent, 'mod' => $mod ?: $id];
    }

    // Its messages. Their number serves as what IMAP calls HIGHESTMODSEQ: messages only ever come.

    private function path($user, $number)
    {
        return "{$this->_params['mail']}/$user/$number";
    }

    private function numbers()
    {
        $numbers = array_map('intval', array_diff(scandir($this->path($this->getUser(), '')), ['.', '..']));
        sort($numbers);
        return $numbers;
    }

    public function getSyncStamp($collection)
    {
        return count($this->numbers()) + 1;
    }

    public function getServerChanges($folder, $from_ts, $to_ts, $cutoffdate, $ping)
    {
        $numbers = $this->numbers();
        $new = array_values(array_diff($numbers, $folder->messages()));
        if (!$ping) {
            $flags = array_fill_keys($new, ['read' => 0, 'flagged' => 0]);
            $folder->setChanges($new, $flags);
            $folder->setStatus([
                Horde_ActiveSync_Folder_Imap::UIDVALIDITY => 1,
                Horde_ActiveSync_Folder_Imap::UIDNEXT => count($numbers) + 1,
                Horde_ActiveSync_Folder_Imap::HIGHESTMODSEQ => count($numbers) + 1,
            ]);
        }
        return array_map(fn ($number) => [
            'id' => $number,
            'type' => Horde_ActiveSync::CHANGE_TYPE_CHANGE,
            'flags' => Horde_ActiveSync::FLAG_NEWMESSAGE,
        ], $new);
    }

    public function getMessage($folderid, $id, array $collection)
    {
        $file = $this->path($this->getUser(), (int)$id);
        if (!is_file($file)) {
            throw new Horde_Exception_NotFound("no message $id");
        }
        [$head, $text] = preg_split("/\r?\n\r?\n/", file_get_contents($file), 2) + ['', ''];
        $fields = Horde_Mime_Headers::parseHeaders($head);
        $mail = Horde_ActiveSync::messageFactory('Mail');
        foreach (['from', 'to', 'subject'] as $name) {
            $mail->$name = (string)$fields->getValue($name);
        }
        $mail->datereceived = new Horde_Date(filemtime($file));
        $mail->read = 0;
        $mail->messageclass = Horde_ActiveSync_Message_Mail::CLASS_NOTE;
        $mail->contentclass = 'urn:content-classes:message';
        $body = Horde_ActiveSync::messageFactory('AirSyncBaseBody');
        $body->type = Horde_ActiveSync::BODYPREF_TYPE_PLAIN;
        $body->estimateddatasize = strlen($text);
        $body->truncated = 0;
        $body->data = $text;
        $mail->airsyncbasebody = $body;
        return $mail;
    }

    public function statMessage($folderId, $id)
    {
        return ['id' => $id, 'mod' => 0, 'flags' => false];
    }

    public function statMailMessage($folderid, $id)
    {
        return $this->statMessage($folderid, $id);
    }

    // From 14.0 on the message is in the document, before that it is the body.
    public function sendMail(
        $rfc822, $forward = null, $reply = null, $parent = null, $save = true,
        ?Horde_ActiveSync_Message_SendMail $document = null
    ) {
        $message = $document ? $document->mime : $rfc822;
        if (is_resource($message)) {
            $message = stream_get_contents($message, -1, 0);
        }
        if (!preg_match('/^To:.*?(\w+)@example\.test/mi', $message, $found) || !in_array($found[1], self::USERS)) {
            throw new Horde_ActiveSync_Exception('nobody here of that name');
        }
        $number = 1;
        while (!($file = @fopen($this->path($found[1], $number), 'x'))) {
            if (++$number > 10000) {
                throw new Horde_ActiveSync_Exception('the mailbox takes nothing');
            }
        }
        fwrite($file, $message);
        fclose($file);
        return true;
    }

    public function getSettings(array $settings, $device)
    {
        return [];
    }

    public function setSettings(array $settings, $device)
    {
        return ['deviceinformation' => Horde_ActiveSync_Request_Settings::STATUS_SUCCESS];
    }

    // What this mailbox doesn't do.

    public function deleteFolder($id, $parent = Horde_ActiveSync::FOLDER_ROOT) { $this->refuse(); }
    public function changeFolder($id, $displayname, $parent, $uid = null) { $this->refuse(); }
    public function moveMessage($folderid, array $ids, $newfolderid) { $this->refuse(); }
    public function deleteMessage($folderid, array $ids) { $this->refuse(); }
    public function changeMessage($folderid, $id, Horde_ActiveSync_Message_Base $message, $device) { $this->refuse(); }
    public function setReadFlag($folderid, $uid, $flag) { $this->refuse(); }
    public function getAttachment($name, array $options = []) { $this->refuse(); }
    public function itemOperationsGetAttachmentData($filereference) { $this->refuse(); }
    public function itemOperationsFetchMailbox($longid, array $bodyprefs, $mimesupport) { $this->refuse(); }
    public function itemOperationsGetDocumentLibraryLink($linkid, $cred) { $this->refuse(); }
    public function meetingResponse(array $response) { $this->refuse(); }
    public function autoDiscover() { $this->refuse(); }
    public function getSearchResults($type, array $query) { return ['rows' => [], 'status' => 1]; }
    public function getWasteBasket($class) { return false; }
    public function getSpecialFolderNameByType($type) { return null; }
    public function resolveRecipient($type, $search, array $options = []) { return []; }
    public function getFreebusy($user, array $options = []) { return false; }

    private function refuse()
    {
        throw new Horde_ActiveSync_Exception('not in this mailbox');
    }
}
