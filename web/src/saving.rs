//! How a text is saved: shown first against the file as it is now, and written only over what was shown.

use std::rc::Rc;

use crate::served_file::{self, Fate};
use crate::shell::{self, Target};
use crate::state::{Action, Handle, OnDisk, Place, Saving, ServedFile};

/// Begins to save the text that is open.
pub async fn begin(page: &Handle) {
    if page.served.is_none() {
        return begin_elsewhere(page).await;
    }
    match served_file::now().await {
        // The command was started anew with another file, or none.
        Ok(on_disk) => match on_disk.filter(|it| it.name == page.document.name) {
            Some(on_disk) => show(page, Place::Server, on_disk, None),
            None => begin_elsewhere(page).await,
        },
        Err(why) => not_saved(page, &page.document.name, &why),
    }
}

/// Begins to save it in a file that the user gives the browser, or among the downloads.
pub async fn begin_elsewhere(page: &Handle) {
    let name = page.document.name.clone();
    match shell::file_to_write(&name).await {
        Ok(Target::File { text }) => {
            let on_disk = OnDisk { name: name.clone(), text: text.map(Rc::from), sha256: None, read_only: None };
            // A file that was made just now has nothing that could be lost.
            if on_disk.text.as_deref().is_none_or(str::is_empty) {
                let saving = Saving {
                    place: Place::Picked,
                    on_disk,
                    mine: Rc::clone(&page.document.text),
                    changed: false,
                    told: None,
                };
                write(page, &saving).await;
            } else {
                show(page, Place::Picked, on_disk, None);
            }
        }
        Ok(Target::Downloads) => {
            let text = Rc::clone(&page.document.text);
            shell::download_file(&name, &text);
            page.dispatch(Action::Saved(name, text, None));
        }
        Ok(Target::Nothing) => {}
        Err(why) => not_saved(page, &name, &why),
    }
}

/// Shows the text that is open against the server's file, as something else has left that.
pub fn compare(page: &Handle, on_disk: &OnDisk) {
    show(page, Place::Server, on_disk.clone(), None);
}

/// Writes what was shown.
pub async fn write(page: &Handle, saving: &Saving) {
    let Saving { place, on_disk, mine, .. } = saving;
    let name = &on_disk.name;
    let written = match place {
        Place::Server => served_file::write(mine, on_disk).await,
        Place::Picked => shell::write_file(name, mine, on_disk.text.as_deref())
            .await
            .map(|is_written| if is_written { Fate::Written(String::new()) } else { Fate::Changed }),
    };
    match written {
        Ok(Fate::Written(sha256)) => {
            let served = (*place == Place::Server).then_some(ServedFile { base: Some(sha256) });
            page.dispatch(Action::Saved(name.clone(), Rc::clone(mine), served));
            page.dispatch(Action::Tell(false, format!("{name} is saved")));
        }
        Ok(Fate::Changed) => again(page, saving).await,
        Err(why) => {
            let told = Some(format!("{name} is not saved: {why}"));
            page.dispatch(Action::Saving(Some(Saving { told, ..saving.clone() })));
        }
    }
}

/// Shows the file that was changed while it was shown.
async fn again(page: &Handle, saving: &Saving) {
    let name = &saving.on_disk.name;
    let told = format!("not saved: {name} was changed while this was shown; this is the difference now");
    let now = match saving.place {
        Place::Server => served_file::now().await.map(|on_disk| on_disk.unwrap_or_else(|| saving.on_disk.clone())),
        Place::Picked => shell::file_to_write(name).await.map(|target| match target {
            Target::File { text } => OnDisk { text: text.map(Rc::from), ..saving.on_disk.clone() },
            Target::Downloads | Target::Nothing => saving.on_disk.clone(),
        }),
    };
    match now {
        Ok(on_disk) => show(page, saving.place.clone(), on_disk, Some(told)),
        Err(why) => not_saved(page, name, &why),
    }
}

/// Shows the difference, if there is one.
fn show(page: &Handle, place: Place, on_disk: OnDisk, told: Option<String>) {
    let mine = Rc::clone(&page.document.text);
    if on_disk.text.as_ref() == Some(&mine) {
        let served = (place == Place::Server).then(|| ServedFile { base: on_disk.sha256.clone() });
        page.dispatch(Action::Saved(on_disk.name.clone(), mine, served));
        let nothing = format!("{} has this very text already: nothing is written", on_disk.name);
        return page.dispatch(Action::Tell(false, nothing));
    }
    let changed = match place {
        Place::Server => page.served.as_ref().is_some_and(|file| file.base != on_disk.sha256),
        Place::Picked => page.saved.is_some() && page.saved != on_disk.text,
    };
    page.dispatch(Action::Saving(Some(Saving { place, on_disk, mine, changed, told })));
}

fn not_saved(page: &Handle, name: &str, why: &str) {
    page.dispatch(Action::Saving(None));
    page.dispatch(Action::Tell(true, format!("{name} is not saved: {why}")));
}
