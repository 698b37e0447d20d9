//! Runs a pod inside this program, sends it a request and reads its log. Nothing of it touches the disk or a port of
//! the machine.

use std::error::Error;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MANIFEST: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: embedded
spec:
  volumes:
  - name: html
    emptyDir: {}
  containers:
  - name: server
    image: nginx
    volumeMounts:
    - name: html
      mountPath: /usr/share/nginx/html
  - name: writer
    image: busybox
    command: [sh, -c, 'echo \"hello from $(hostname)\" > /html/index.html; echo written; exec sleep 3600']
    volumeMounts:
    - name: html
      mountPath: /html
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let node = seedpod::Node::builder().build()?;
    let started = node.run(MANIFEST)?;
    let pod = &started.pods[0];

    let mut logs = pod.logs();
    while let Some(line) = logs.next().await {
        println!(
            "{}: {}",
            line.container,
            String::from_utf8_lossy(&line.bytes)
        );
        if line.bytes == b"written" {
            break;
        }
    }

    let mut connection = pod.connect_within(80, Duration::from_secs(120)).await?;
    connection
        .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or("the answer is not HTTP")?;
    println!("{}\n{body}", head.lines().next().unwrap_or_default());

    while let Some(line) = logs.next().await {
        if line.container == "server" {
            println!("server: {}", String::from_utf8_lossy(&line.bytes));
            break;
        }
    }
    pod.delete(None);
    println!("{}", pod.wait().await.phase);
    Ok(())
}
